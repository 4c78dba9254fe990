"""The meaning of each failure of AWS: one table, and one place where exceptions are translated.

A code that is not in the table is classified by its HTTP status. The codes are those of the operations' models, those
of every service (https://docs.aws.amazon.com/general/latest/gr/CommonErrors.html), and SQS's KMS codes.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
from botocore import exceptions as sdk
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from service.domain.errors import (
    AccessDeniedError,
    AwsCallError,
    ConflictError,
    CredentialsError,
    NotFoundError,
    RequestRejectedError,
    TransientError,
)

_THROTTLE_CODES = """
BandwidthLimitExceeded EC2ThrottledException KMS.ThrottlingException KMSThrottling KmsThrottled LimitExceededException
PriorRequestNotComplete ProvisionedThroughputExceeded ProvisionedThroughputExceededException RequestLimitExceeded
RequestThrottled RequestThrottledException SlowDown ThrottledException Throttling ThrottlingError
ThrottlingException TooManyRequests TooManyRequestsException
"""
THROTTLE_CODES = frozenset(_THROTTLE_CODES.split())
"""The codes that mean: too many requests."""

ERROR_CODES: Mapping[str, type[AwsCallError]] = {
    code: kind
    for kind, codes in {
        TransientError: """
            ContinuousBackupsUnavailableException
            InternalError InternalException InternalFailure InternalServerError InternalServerException
            QueueDeletedRecently ReplicatedWriteConflictException RequestTimeout RequestTimeoutException
            ServiceException ServiceUnavailable ServiceUnavailableException TransactionConflict
            TransactionConflictException TransactionInProgressException
        """,
        ConflictError: """
            ConditionalCheckFailed ConditionalCheckFailedException QueueNameExists ResourceInUseException
        """,
        NotFoundError: """
            404 InvalidAddress NoSuchBucket NoSuchKey NonExistentQueue NotFound QueueDoesNotExist
            ResourceNotFoundException TableNotFoundException
        """,
        CredentialsError: """
            AuthFailure ExpiredToken ExpiredTokenException IncompleteSignature InvalidAccessKeyId InvalidClientTokenId
            InvalidSecurity InvalidSignatureException InvalidToken MissingAuthenticationToken
            MissingAuthenticationTokenException RequestExpired RequestTimeTooSkewed SignatureDoesNotMatch
            TokenRefreshRequired UnrecognizedClientException
        """,
        AccessDeniedError: """
            403 AccessDenied AccessDeniedException AccountProblem AllAccessDisabled AuthorizationError Forbidden
            NotAuthorized OptInRequired UnauthorizedOperation
            KMS.AccessDeniedException KMS.DisabledException KMS.InvalidKeyUsageException KMS.InvalidStateException
            KMS.NotFoundException KMS.OptInRequired KMSAccessDenied KMSDisabled KMSInvalidState KMSNotFound
            KMSOptInRequired KmsAccessDenied KmsDisabled KmsInvalidKeyUsage KmsInvalidState KmsNotFound KmsOptInRequired
        """,
        RequestRejectedError: """
            BatchEntryIdsNotDistinct BatchRequestTooLong EmptyBatchRequest EndpointDisabled
            IdempotentParameterMismatchException InvalidAction InvalidAttributeName InvalidAttributeValue
            InvalidBatchEntryId InvalidMessageContents InvalidParameter InvalidParameterCombination
            InvalidParameterException InvalidParameterValue InvalidRequestException
            ItemCollectionSizeLimitExceeded ItemCollectionSizeLimitExceededException MalformedQueryString
            MissingParameter NotImplemented OverLimit ParameterValueInvalid PlatformApplicationDisabled
            SerializationException TooManyEntriesInBatchRequest UnknownOperation UnknownOperationException
            UnsupportedOperation ValidationError ValidationException
        """,
    }.items()
    for code in codes.split()
} | dict.fromkeys(THROTTLE_CODES, TransientError)
"""Every code that is expected, and its error."""

SDK_EXCEPTIONS: tuple[tuple[type[Exception], type[AwsCallError]], ...] = (
    (sdk.NoCredentialsError, CredentialsError),
    (sdk.PartialCredentialsError, CredentialsError),
    (sdk.UnknownCredentialError, CredentialsError),
    (sdk.RefreshWithMFAUnsupportedError, CredentialsError),
    (sdk.NoAuthTokenError, CredentialsError),
    (sdk.TokenRetrievalError, AccessDeniedError),
    (sdk.SSOError, AccessDeniedError),
    (sdk.ProfileNotFound, AccessDeniedError),
    # The source of credentials did not answer: that passes, as the network does.
    (sdk.CredentialRetrievalError, TransientError),
    (sdk.MetadataRetrievalError, TransientError),
    # Time-outs, refused and broken connections, TLS, proxies.
    (sdk.ConnectionError, TransientError),
    (sdk.HTTPClientError, TransientError),
    (aiohttp.ClientError, TransientError),
    (OSError, TransientError),
    # Answers that are cut off, damaged, or not the service's own.
    (sdk.IncompleteReadError, TransientError),
    (sdk.ChecksumError, TransientError),
    (sdk.FlexibleChecksumError, TransientError),
    (ResponseParserError, TransientError),
    (sdk.PaginationError, TransientError),
    (KeyError, TransientError),
    (sdk.WaiterError, TransientError),
    # Wrong parameters, Regions, endpoints, configuration.
    (BotoCoreError, RequestRejectedError),
)
"""The exceptions that the SDK raises without an answer of the service, most specific first."""

_MESSAGES: Mapping[type[AwsCallError], str] = {
    TransientError: "{resource} is temporarily unavailable: {why}",
    ConflictError: "{resource} has changed in the meantime: {why}",
    NotFoundError: "{resource} does not exist in this account and Region: {why}",
    CredentialsError: "the AWS credentials are not accepted for {resource}: {why}",
    AccessDeniedError: "no access to {resource}: {why}",
    RequestRejectedError: "{resource} rejects the request: {why}",
}
_THROTTLED = "{resource} is throttling requests: {why}"

_NOT_ALLOWED = frozenset(
    {"403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "Forbidden", "UnauthorizedOperation"}
)
_IAM_ACTIONS: Mapping[str, str] = {
    "dynamodb.TransactWriteItems": "dynamodb:PutItem and dynamodb:UpdateItem",
    "s3.HeadBucket": "s3:ListBucket",
    "s3.HeadObject": "s3:GetObject and s3:ListBucket",
    "s3.ListObjectsV2": "s3:ListBucket",
    "sqs.DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs.SendMessageBatch": "sqs:SendMessage",
}
"""The IAM actions of the operations that IAM does not call by their names."""


@contextmanager
def translate_errors(operation: str, resource: str) -> Iterator[None]:
    """Translate every exception of an SDK call to an AwsCallError with one sentence; the cause is kept.

    `operation` is `service.Operation`, `resource` names what it acts on. Read the required members of the answer
    inside the context: an answer without one is an error, and never an empty answer.
    """
    try:
        yield
    except ClientError as error:
        code, why = _code_and_message(error.response)
        kind = _classify_answer(code, error.response)
        message = _THROTTLED if code in THROTTLE_CODES else _MESSAGES[kind]
        action = _IAM_ACTIONS.get(operation, operation.replace(".", ":"))
        remedy = f"; allow {action}" if code in _NOT_ALLOWED else ""
        raise kind(operation, _one_line(message.format(resource=resource, why=why), remedy)) from error
    except tuple(exception for exception, _ in SDK_EXCEPTIONS) as error:
        kind = next(kind for exception, kind in SDK_EXCEPTIONS if isinstance(error, exception))
        why = f"the answer lacks {error}" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
        raise kind(operation, _one_line(_MESSAGES[kind].format(resource=resource, why=why))) from error


def classify(code: str, status: int) -> type[AwsCallError]:
    """Return the error for an error code and the HTTP status that it came with."""
    kind = ERROR_CODES.get(code.removeprefix("AWS.SimpleQueueService."))
    if kind is not None:
        return kind
    # The answer to a HEAD request has no body, so a 400 may be an expired token that is about to be renewed.
    if code == "400" or status == 429 or status >= 500:
        return TransientError
    return {403: AccessDeniedError, 404: NotFoundError}.get(status, RequestRejectedError)


def _code_and_message(answer: Mapping[str, Any]) -> tuple[str, str]:
    """Return the code of an error answer, and the code with its message."""
    error = answer.get("Error", {})
    code = str(error.get("Code", "no code"))
    return code, f"{code}: {error.get('Message') or 'no message'}"


def _classify_answer(code: str, answer: Mapping[str, Any]) -> type[AwsCallError]:
    if code != "TransactionCanceledException":
        return classify(code, answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    # A transaction reports a reason for each of its actions. A failed condition decides.
    codes = [str(reason.get("Code", "None")) for reason in answer.get("CancellationReasons", ())]
    kinds = [classify(code, 400) for code in codes if code != "None"]
    return next((kind for kind in (ConflictError, RequestRejectedError) if kind in kinds), TransientError)


def _one_line(message: str, remedy: str = "") -> str:
    """Return the message as one line of printable text, whatever it holds."""
    flat = "".join(character if character.isprintable() else " " for character in message)
    return " ".join(flat.split())[:1000] + remedy
