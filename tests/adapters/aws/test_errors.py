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
from service.adapters.aws.clients import RATES
from service.adapters.aws.errors import CODES, RAISED, THROTTLES, ruling, translated
from service.domain.errors import Absent, Conflict, Denied, Rejected, Transient, Trouble

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
BY_REASON = "TransactionCanceledException"  # It says for each action why: see the tests below.


@pytest.mark.parametrize(("service", "operation"), [(s, o) for s, names in OPERATIONS.items() for o in names])
def test_each_error_that_an_operations_model_names_is_in_the_table(service, operation):
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    named = {shape.metadata.get("error", {}).get("code") or shape.name for shape in model.error_shapes}
    assert named - CODES.keys() <= {BY_REASON}


def test_the_walk_visits_every_operation_that_the_adapters_call():
    sources = "".join(path.read_text() for path in Path(aws.__path__[0]).glob("*.py"))
    called = re.findall(r'"(datasync|logs|dynamodb|sqs|s3|sns)\.([A-Z]\w+)"', sources)
    assert set(called) == {(service, name) for service, names in OPERATIONS.items() for name in names}


@pytest.mark.parametrize(("service", "operation"), RATES)
def test_what_is_paced_is_called(service, operation):
    assert operation in OPERATIONS[service]


def raised_from(error):
    with pytest.raises(Trouble) as caught, translated("sqs.SendMessageBatch", "the queue q"):
        raise error
    assert caught.value.__cause__ is error
    assert caught.value.call == "sqs.SendMessageBatch"
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
        ("ThrottlingException", 400, Transient),
        ("InternalException", 500, Transient),
        ("ConditionalCheckFailedException", 400, Conflict),
        ("ResourceNotFoundException", 400, Absent),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, Absent),
        ("AccessDeniedException", 400, Denied),
        ("ExpiredTokenException", 400, Denied),
        ("KMS.AccessDeniedException", 400, Denied),
        ("KMS.ThrottlingException", 400, Transient),
        ("AuthorizationError", 403, Denied),
        ("KMSAccessDenied", 400, Denied),
        ("KMSThrottling", 400, Transient),
        ("InvalidParameterException", 400, Rejected),
        ("400", 400, Transient),
        ("403", 403, Denied),
        ("404", 404, Absent),
    ],
)
def test_an_error_in_the_table_is_what_the_table_says(code, status, kind):
    trouble = raised_from(an_answer(code, status=status))
    assert type(trouble) is kind
    assert code in trouble.detail
    assert "the queue q" in trouble.detail


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (403, Denied),
        (404, Absent),
        (409, Rejected),
        (429, Transient),
        (500, Transient),
        (503, Transient),
    ],
)
def test_an_error_that_nobody_knows_is_ruled_by_its_status(status, kind):
    assert type(raised_from(an_answer("Brand.New", status=status))) is kind


@pytest.mark.parametrize(
    ("reasons", "kind"),
    [
        (["None", "ConditionalCheckFailed"], Conflict),
        (["TransactionConflict", "ConditionalCheckFailed"], Conflict),
        (["TransactionConflict", "None"], Transient),
        (["ThrottlingError"], Transient),
        (["ProvisionedThroughputExceeded"], Transient),
        (["ValidationError"], Rejected),
        (["ItemCollectionSizeLimitExceeded"], Rejected),
        ([], Transient),
    ],
)
def test_a_cancelled_transaction_is_what_its_reasons_say(reasons, kind):
    error = an_answer(BY_REASON, CancellationReasons=[{"Code": code} for code in reasons])
    assert type(raised_from(error)) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (sdk.NoCredentialsError(), Denied),
        (sdk.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), Denied),
        (sdk.TokenRetrievalError(provider="sso", error_msg="expired"), Denied),
        (sdk.UnauthorizedSSOTokenError(), Denied),
        (sdk.SSOTokenLoadError(error_msg="none"), Denied),
        (sdk.ProfileNotFound(profile="p"), Denied),
        (sdk.CredentialRetrievalError(provider="container-role", error_msg="no answer"), Transient),
        (sdk.EndpointConnectionError(endpoint_url="https://x"), Transient),
        (sdk.ConnectTimeoutError(endpoint_url="https://x"), Transient),
        (sdk.ReadTimeoutError(endpoint_url="https://x"), Transient),
        (sdk.ConnectionClosedError(endpoint_url="https://x"), Transient),
        (sdk.ProxyConnectionError(proxy_url="http://p"), Transient),
        (sdk.SSLError(endpoint_url="https://x", error="self-signed"), Transient),
        (sdk.HTTPClientError(error="any"), Transient),
        (sdk.ResponseStreamingError(error="cut"), Transient),
        (sdk.ChecksumError(checksum_type="crc32", expected_checksum=1, actual_checksum=2), Transient),
        (ResponseParserError("no XML"), Transient),
        (aiohttp.ServerDisconnectedError(), Transient),
        (aiohttp.ClientPayloadError(), Transient),
        (TimeoutError(), Transient),
        (ConnectionResetError(), Transient),
        (KeyError("Attributes"), Transient),
        (sdk.ParamValidationError(report="wrong"), Rejected),
        (sdk.NoRegionError(), Rejected),
        (sdk.UnknownEndpointError(service_name="sqs", region_name="x"), Rejected),
    ],
)
def test_what_is_raised_without_an_answer_is_ruled(error, kind):
    assert type(raised_from(error)) is kind


def sdk_exceptions():
    return [
        each
        for each in vars(botocore.exceptions).values()
        if isinstance(each, type) and issubclass(each, sdk.BotoCoreError)
    ]


@pytest.mark.parametrize("error", sdk_exceptions())
def test_every_exception_of_the_sdk_is_ruled(error):
    assert any(issubclass(error, raised) for raised, _ in RAISED)


def test_a_specific_exception_stands_before_its_general_one():
    for number, (raised, _) in enumerate(RAISED):
        assert not any(issubclass(later, raised) for later, _ in RAISED[number + 1 :])


def test_what_is_no_failure_of_aws_passes_through():
    with pytest.raises(ZeroDivisionError), translated("sqs.SendMessageBatch", "the queue q"):
        1 / 0  # noqa: B018


def test_a_message_from_outside_stays_one_line_of_bounded_length():
    trouble = raised_from(an_answer("AccessDenied", "User\nis \x1b[31mnot\x00 authorized " + "x" * 9000))
    assert trouble.detail.isprintable()
    assert len(trouble.detail) < 1100


@pytest.mark.parametrize(
    ("call", "action"),
    [
        ("sqs.SendMessageBatch", "sqs:SendMessage"),
        ("sqs.ReceiveMessage", "sqs:ReceiveMessage"),
        ("sqs.DeleteMessageBatch", "sqs:DeleteMessage"),
        ("s3.ListObjectsV2", "s3:ListBucket"),
        ("logs.GetLogEvents", "logs:GetLogEvents"),
    ],
)
def test_a_call_that_is_not_allowed_names_what_to_allow(call, action):
    with pytest.raises(Denied, match=f"; allow {action}$"), translated(call, "it"):
        raise an_answer("AccessDenied", status=403)


def test_a_topic_that_does_not_allow_it_names_what_to_allow():
    with pytest.raises(Denied, match=r"; allow sns:Publish$"), translated("sns.Publish", "it"):
        raise an_answer("AuthorizationError", status=403)


def test_credentials_that_have_expired_need_no_permission():
    assert "; allow" not in raised_from(an_answer("ExpiredToken")).detail


def test_throttles_are_told_from_a_servers_faults():
    assert {"ThrottlingException", "RequestThrottled", "ProvisionedThroughputExceededException"} <= THROTTLES
    assert not {"InternalServerError", "ServiceUnavailable", "RequestTimeout"} & THROTTLES


def test_a_code_of_the_query_protocol_is_ruled_as_its_plain_form():
    assert ruling("AWS.SimpleQueueService.BatchRequestTooLong", 400) is ruling("BatchRequestTooLong", 400)
