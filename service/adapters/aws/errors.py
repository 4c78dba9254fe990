"""What each failure of AWS means for the caller: one table, and one place where exceptions are translated.

A code that is not in the table is ruled by its HTTP status. The codes are those of the operations' models, those that
every service may answer (https://docs.aws.amazon.com/general/latest/gr/CommonErrors.html), and SQS's KMS codes.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
from botocore import exceptions as sdk
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from service.domain.errors import Absent, Conflict, Denied, Rejected, Transient, Trouble

_TOO_FAST = """
BandwidthLimitExceeded EC2ThrottledException KMS.ThrottlingException KMSThrottling KmsThrottled LimitExceededException
PriorRequestNotComplete ProvisionedThroughputExceeded ProvisionedThroughputExceededException RequestLimitExceeded
RequestThrottled RequestThrottledException SlowDown ThrottledException Throttling ThrottlingError
ThrottlingException TooManyRequests TooManyRequestsException
"""
THROTTLES = frozenset(_TOO_FAST.split())
"""The codes that say: too fast."""

CODES: Mapping[str, type[Trouble]] = {
    code: kind
    for kind, codes in {
        Transient: """
            ContinuousBackupsUnavailableException
            InternalError InternalException InternalFailure InternalServerError InternalServerException
            QueueDeletedRecently ReplicatedWriteConflictException RequestTimeout RequestTimeoutException
            ServiceException ServiceUnavailable ServiceUnavailableException TransactionConflict
            TransactionConflictException TransactionInProgressException
        """,
        Conflict: """
            ConditionalCheckFailed ConditionalCheckFailedException QueueNameExists ResourceInUseException
        """,
        Absent: """
            404 InvalidAddress NoSuchBucket NoSuchKey NonExistentQueue NotFound QueueDoesNotExist
            ResourceNotFoundException TableNotFoundException
        """,
        Denied: """
            403 AccessDenied AccessDeniedException AccountProblem AllAccessDisabled AuthFailure AuthorizationError
            Forbidden NotAuthorized OptInRequired UnauthorizedOperation
            ExpiredToken ExpiredTokenException IncompleteSignature InvalidAccessKeyId InvalidClientTokenId
            InvalidSecurity InvalidSignatureException InvalidToken MissingAuthenticationToken
            MissingAuthenticationTokenException RequestExpired RequestTimeTooSkewed SignatureDoesNotMatch
            TokenRefreshRequired UnrecognizedClientException
            KMS.AccessDeniedException KMS.DisabledException KMS.InvalidKeyUsageException KMS.InvalidStateException
            KMS.NotFoundException KMS.OptInRequired KMSAccessDenied KMSDisabled KMSInvalidState KMSNotFound
            KMSOptInRequired KmsAccessDenied KmsDisabled KmsInvalidKeyUsage KmsInvalidState KmsNotFound KmsOptInRequired
        """,
        Rejected: """
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
} | dict.fromkeys(THROTTLES, Transient)
"""Every code that is expected, and what it means."""

RAISED: tuple[tuple[type[Exception], type[Trouble]], ...] = (
    (sdk.NoCredentialsError, Denied),
    (sdk.PartialCredentialsError, Denied),
    (sdk.UnknownCredentialError, Denied),
    (sdk.RefreshWithMFAUnsupportedError, Denied),
    (sdk.NoAuthTokenError, Denied),
    (sdk.TokenRetrievalError, Denied),
    (sdk.SSOError, Denied),
    (sdk.ProfileNotFound, Denied),
    # The source of credentials did not answer: that passes, as the network does.
    (sdk.CredentialRetrievalError, Transient),
    (sdk.MetadataRetrievalError, Transient),
    # Time-outs, refused and broken connections, TLS, proxies.
    (sdk.ConnectionError, Transient),
    (sdk.HTTPClientError, Transient),
    (aiohttp.ClientError, Transient),
    (OSError, Transient),
    # Answers that are cut off, damaged, or not the service's own.
    (sdk.IncompleteReadError, Transient),
    (sdk.ChecksumError, Transient),
    (sdk.FlexibleChecksumError, Transient),
    (ResponseParserError, Transient),
    (sdk.PaginationError, Transient),
    (KeyError, Transient),
    (sdk.WaiterError, Transient),
    # Wrong parameters, Regions, endpoints, configuration.
    (BotoCoreError, Rejected),
)
"""What may be raised without an answer of the service, most specific first."""

_SENTENCES: Mapping[type[Trouble], str] = {
    Transient: "{about} does not answer for now: {why}",
    Conflict: "{about} has changed in the meantime: {why}",
    Absent: "{about} does not exist in this account and Region: {why}",
    Denied: "no access to {about}: {why}",
    Rejected: "{about} refuses the request: {why}",
}

_NOT_ALLOWED = frozenset(
    {"403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "Forbidden", "UnauthorizedOperation"}
)
_ACTIONS: Mapping[str, str] = {
    "dynamodb.TransactWriteItems": "dynamodb:PutItem and dynamodb:UpdateItem",
    "s3.HeadBucket": "s3:ListBucket",
    "s3.HeadObject": "s3:GetObject and s3:ListBucket",
    "s3.ListObjectsV2": "s3:ListBucket",
    "sqs.DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs.SendMessageBatch": "sqs:SendMessage",
}
"""What IAM calls the operations where it does not call them by their names."""


@contextmanager
def translated(call: str, about: str) -> Iterator[None]:
    """Turn whatever an SDK call raises into Trouble with one sentence; the cause is kept.

    `call` is `service.Operation`, `about` names the resource. Reading what the answer must hold belongs inside: an
    answer without it is no answer, and never an empty one.
    """
    try:
        yield
    except ClientError as error:
        code, why = _said(error.response)
        kind = _kind(code, error.response)
        remedy = f"; allow {_ACTIONS.get(call, call.replace('.', ':'))}" if code in _NOT_ALLOWED else ""
        raise kind(call, _line(_SENTENCES[kind].format(about=about, why=why), remedy)) from error
    except tuple(raised for raised, _ in RAISED) as error:
        kind = next(kind for raised, kind in RAISED if isinstance(error, raised))
        why = f"the answer lacks {error}" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
        raise kind(call, _line(_SENTENCES[kind].format(about=about, why=why))) from error


def ruling(code: str, status: int) -> type[Trouble]:
    """Rule on an error code and the HTTP status that it came with."""
    kind = CODES.get(code.removeprefix("AWS.SimpleQueueService."))
    if kind is not None:
        return kind
    # The answer to a HEAD has no body, so that a 400 may as well be an expired token that is about to be renewed.
    if code == "400" or status == 429 or status >= 500:
        return Transient
    return {403: Denied, 404: Absent}.get(status, Rejected)


def _said(answer: Mapping[str, Any]) -> tuple[str, str]:
    """The code of an error answer, and the code with its message."""
    error = answer.get("Error", {})
    code = str(error.get("Code", "no code"))
    return code, f"{code}: {error.get('Message') or 'no message'}"


def _kind(code: str, answer: Mapping[str, Any]) -> type[Trouble]:
    if code != "TransactionCanceledException":
        return ruling(code, answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    # A transaction says for each of its actions why it failed: a failed condition is the news.
    codes = [str(reason.get("Code", "None")) for reason in answer.get("CancellationReasons", ())]
    kinds = [ruling(code, 400) for code in codes if code != "None"]
    return next((kind for kind in (Conflict, Rejected) if kind in kinds), Transient)


def _line(sentence: str, remedy: str = "") -> str:
    """One line of printable text, whatever came over the wire."""
    flat = "".join(character if character.isprintable() else " " for character in sentence)
    return " ".join(flat.split())[:1000] + remedy
