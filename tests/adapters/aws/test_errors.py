import re
from pathlib import Path

import aiohttp
import botocore.exceptions
import botocore.session
import pytest
from botocore import exceptions as sdk
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from service.adapters import aws
from service.adapters.aws.clients import RATE_LIMITS
from service.adapters.aws.errors import ERROR_CODES, SDK_EXCEPTIONS, THROTTLE_CODES, classify, translate_errors
from service.domain.errors import (
    AccessDeniedError,
    AwsCallError,
    ConflictError,
    CredentialsError,
    NotFoundError,
    RequestRejectedError,
    TransientError,
)

OPERATIONS = {
    "datasync": [
        "DescribeLocationS3",
        "DescribeTask",
        "DescribeTaskExecution",
        "ListTagsForResource",
        "ListTaskExecutions",
        "ListTasks",
    ],
    "logs": ["DescribeLogStreams", "GetLogEvents"],
    "dynamodb": [
        "BatchGetItem",
        "BatchWriteItem",
        "CreateTable",
        "DeleteItem",
        "DescribeTable",
        "DescribeTimeToLive",
        "GetItem",
        "PutItem",
        "Query",
        "TransactWriteItems",
        "UpdateContinuousBackups",
        "UpdateItem",
        "UpdateTimeToLive",
    ],
    "sqs": [
        "CreateQueue",
        "DeleteMessageBatch",
        "GetQueueAttributes",
        "GetQueueUrl",
        "ReceiveMessage",
        "SendMessageBatch",
    ],
    "s3": ["HeadBucket", "HeadObject", "ListObjectsV2"],
    "sns": ["Publish"],
}
BY_REASON = "TransactionCanceledException"  # It has a reason for each action; see the tests below.


@pytest.mark.parametrize(("service", "operation"), [(s, o) for s, names in OPERATIONS.items() for o in names])
def test_every_error_of_an_operations_model_is_in_the_table(service, operation):
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    named = {shape.metadata.get("error", {}).get("code") or shape.name for shape in model.error_shapes}
    assert named - ERROR_CODES.keys() <= {BY_REASON}


def test_every_operation_that_the_adapters_call_is_listed_here():
    sources = "".join(path.read_text() for path in Path(aws.__path__[0]).glob("*.py"))
    called = re.findall(r'"(datasync|logs|dynamodb|sqs|s3|sns)\.([A-Z]\w+)"', sources)
    assert set(called) == {(service, name) for service, names in OPERATIONS.items() for name in names}


@pytest.mark.parametrize(("service", "operation"), RATE_LIMITS)
def test_every_rate_limit_is_of_a_called_operation(service, operation):
    assert operation in OPERATIONS[service]


def raised_from(error):
    with pytest.raises(AwsCallError) as caught, translate_errors("sqs.SendMessageBatch", "the queue q"):
        raise error
    assert caught.value.__cause__ is error
    assert caught.value.operation == "sqs.SendMessageBatch"
    assert "\n" not in caught.value.detail
    return caught.value


def an_answer(code, message="because", status=400, **more):
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **more},
        "SendMessageBatch",
    )


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ThrottlingException", 400, TransientError),
        ("InternalException", 500, TransientError),
        ("ConditionalCheckFailedException", 400, ConflictError),
        ("ResourceNotFoundException", 400, NotFoundError),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, NotFoundError),
        ("AccessDeniedException", 400, AccessDeniedError),
        ("ExpiredTokenException", 400, CredentialsError),
        ("KMS.AccessDeniedException", 400, AccessDeniedError),
        ("KMS.ThrottlingException", 400, TransientError),
        ("AuthorizationError", 403, AccessDeniedError),
        ("KMSAccessDenied", 400, AccessDeniedError),
        ("KMSThrottling", 400, TransientError),
        ("InvalidParameterException", 400, RequestRejectedError),
        ("400", 400, TransientError),
        ("403", 403, AccessDeniedError),
        ("404", 404, NotFoundError),
    ],
)
def test_listed_code_is_classified_by_the_table(code, status, kind):
    error = raised_from(an_answer(code, status=status))
    assert type(error) is kind
    assert code in error.detail
    assert "the queue q" in error.detail


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRejectedError),
        (403, AccessDeniedError),
        (404, NotFoundError),
        (409, RequestRejectedError),
        (429, TransientError),
        (500, TransientError),
        (503, TransientError),
    ],
)
def test_unlisted_code_is_classified_by_its_status(status, kind):
    assert type(raised_from(an_answer("Brand.New", status=status))) is kind


@pytest.mark.parametrize(
    ("reasons", "kind"),
    [
        (["None", "ConditionalCheckFailed"], ConflictError),
        (["TransactionConflict", "ConditionalCheckFailed"], ConflictError),
        (["TransactionConflict", "None"], TransientError),
        (["ThrottlingError"], TransientError),
        (["ProvisionedThroughputExceeded"], TransientError),
        (["ValidationError"], RequestRejectedError),
        (["ItemCollectionSizeLimitExceeded"], RequestRejectedError),
        ([], TransientError),
    ],
)
def test_cancelled_transaction_is_classified_by_its_reasons(reasons, kind):
    error = an_answer(BY_REASON, CancellationReasons=[{"Code": code} for code in reasons])
    assert type(raised_from(error)) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (sdk.NoCredentialsError(), CredentialsError),
        (sdk.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), CredentialsError),
        (sdk.TokenRetrievalError(provider="sso", error_msg="expired"), AccessDeniedError),
        (sdk.UnauthorizedSSOTokenError(), AccessDeniedError),
        (sdk.SSOTokenLoadError(error_msg="none"), AccessDeniedError),
        (sdk.ProfileNotFound(profile="p"), AccessDeniedError),
        (sdk.CredentialRetrievalError(provider="container-role", error_msg="no answer"), TransientError),
        (sdk.EndpointConnectionError(endpoint_url="https://x"), TransientError),
        (sdk.ConnectTimeoutError(endpoint_url="https://x"), TransientError),
        (sdk.ReadTimeoutError(endpoint_url="https://x"), TransientError),
        (sdk.ConnectionClosedError(endpoint_url="https://x"), TransientError),
        (sdk.ProxyConnectionError(proxy_url="http://p"), TransientError),
        (sdk.SSLError(endpoint_url="https://x", error="self-signed"), TransientError),
        (sdk.HTTPClientError(error="any"), TransientError),
        (sdk.ResponseStreamingError(error="cut"), TransientError),
        (sdk.ChecksumError(checksum_type="crc32", expected_checksum=1, actual_checksum=2), TransientError),
        (ResponseParserError("no XML"), TransientError),
        (aiohttp.ServerDisconnectedError(), TransientError),
        (aiohttp.ClientPayloadError(), TransientError),
        (TimeoutError(), TransientError),
        (ConnectionResetError(), TransientError),
        (KeyError("Attributes"), TransientError),
        (sdk.ParamValidationError(report="wrong"), RequestRejectedError),
        (sdk.NoRegionError(), RequestRejectedError),
        (sdk.UnknownEndpointError(service_name="sqs", region_name="x"), RequestRejectedError),
    ],
)
def test_sdk_exception_without_an_answer_is_classified(error, kind):
    assert type(raised_from(error)) is kind


def sdk_exceptions():
    return [
        each
        for each in vars(botocore.exceptions).values()
        if isinstance(each, type) and issubclass(each, sdk.BotoCoreError)
    ]


@pytest.mark.parametrize("error", sdk_exceptions())
def test_every_exception_of_the_sdk_is_classified(error):
    assert any(issubclass(error, raised) for raised, _ in SDK_EXCEPTIONS)


def test_specific_exceptions_precede_their_base_classes():
    for number, (raised, _) in enumerate(SDK_EXCEPTIONS):
        assert not any(issubclass(later, raised) for later, _ in SDK_EXCEPTIONS[number + 1 :])


def test_other_exceptions_pass_through():
    with pytest.raises(ZeroDivisionError), translate_errors("sqs.SendMessageBatch", "the queue q"):
        1 / 0  # noqa: B018


def test_message_is_one_line_of_bounded_length():
    error = raised_from(an_answer("AccessDenied", "User\nis \x1b[31mnot\x00 authorized " + "x" * 9000))
    assert error.detail.isprintable()
    assert len(error.detail) < 1100


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("sqs.SendMessageBatch", "sqs:SendMessage"),
        ("sqs.ReceiveMessage", "sqs:ReceiveMessage"),
        ("sqs.DeleteMessageBatch", "sqs:DeleteMessage"),
        ("s3.ListObjectsV2", "s3:ListBucket"),
        ("logs.GetLogEvents", "logs:GetLogEvents"),
    ],
)
def test_denied_call_names_the_iam_action_to_allow(operation, action):
    with pytest.raises(AccessDeniedError, match=f"; allow {action}$"), translate_errors(operation, "it"):
        raise an_answer("AccessDenied", status=403)


def test_denied_publish_names_the_iam_action_to_allow():
    with pytest.raises(AccessDeniedError, match=r"; allow sns:Publish$"), translate_errors("sns.Publish", "it"):
        raise an_answer("AuthorizationError", status=403)


def test_expired_credentials_name_no_iam_action():
    assert "; allow" not in raised_from(an_answer("ExpiredToken")).detail


def test_throttle_codes_differ_from_server_errors():
    assert {"ThrottlingException", "RequestThrottled", "ProvisionedThroughputExceededException"} <= THROTTLE_CODES
    assert not {"InternalServerError", "ServiceUnavailable", "RequestTimeout"} & THROTTLE_CODES


def test_query_protocol_code_is_classified_as_its_plain_form():
    assert classify("AWS.SimpleQueueService.BatchRequestTooLong", 400) is classify("BatchRequestTooLong", 400)
