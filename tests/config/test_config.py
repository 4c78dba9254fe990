import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.config import LogLevel, Settings, SettingsError, load
from service.config.values import TaskTag
from service.domain.execution import S3Location
from service.domain.options import OnError, WorkerOptions

QUEUE = {"TRIGGER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/files"}
TASK = "arn:aws:datasync:eu-west-1:111122223333:task/task-0123456789abcdef0"
OTHER_TASK = "arn:aws:datasync:eu-west-1:111122223333:task/task-0123456789abcdef1"
NAMES = [f"TRIGGER_{field.upper()}" for field in Settings.model_fields]


def problems(**values: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load({**QUEUE, **{f"TRIGGER_{name}": value for name, value in values.items()}})
    return list(caught.value.problems)


def read(**values: str) -> Settings:
    return load({**QUEUE, **{f"TRIGGER_{name}": value for name, value in values.items()}})


def test_only_the_queue_is_required():
    settings = load(QUEUE)
    assert settings.queue_url == QUEUE["TRIGGER_QUEUE_URL"]
    assert settings.model_dump(exclude={"queue_url"}) == {
        "wake_queue_url": "",
        "table_name": "datasync-trigger",
        "task_arns": (),
        "task_tag": None,
        "s3_target_base_uri": None,
        "log_group": None,
        "log_stream_prefix": "{task_id}-{execution_id}",
        "source": "auto",
        "poll_interval_s": 15,
        "lookback_s": 86400,
        "settle_s": 10,
        "seal_deadline_s": 900,
        "reconcile": "counters",
        "on_error": "carry",
        "on_incomplete": "publish",
        "publish_unchanged": False,
        "message_format": "datasync",
        "check_s3": True,
        "manifest_uri": None,
        "notification_topic_arn": None,
        "retention_days": 30,
        "max_executions": 10,
        "lease_s": 30,
        "drain_s": 20,
        "http_host": "0.0.0.0",
        "http_port": 8080,
        "log_level": "info",
        "log_format": "json",
    }


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        load(QUEUE).table_name = "other"


def test_empty_or_blank_variable_counts_as_not_set():
    settings = load({**QUEUE, **{name: " " for name in NAMES if name != "TRIGGER_QUEUE_URL"}})
    assert settings == load(QUEUE)
    with pytest.raises(SettingsError, match="TRIGGER_QUEUE_URL: is not set"):
        load({"TRIGGER_QUEUE_URL": ""})


def test_queue_is_not_required_if_it_is_about_to_be_created():
    assert load({}, queue_required=False).queue_url == ""


def test_values_are_parsed():
    settings = read(
        TASK_ARNS=f" {TASK}, {OTHER_TASK},{TASK},",
        S3_TARGET_BASE_URI="s3://bucket/in//deep///",
        POLL_INTERVAL_S="0.25",
        CHECK_S3="False",
        ON_ERROR="publish",
        LOG_LEVEL="DEBUG",
        HTTP_PORT="0",
        HTTP_HOST="::1",
        LOG_GROUP="/aws/datasync",
    )
    assert settings.task_arns == (TASK, OTHER_TASK)
    assert settings.s3_target_base_uri == S3Location("bucket", "in//deep/")
    assert (settings.poll_interval_s, settings.check_s3, settings.on_error) == (0.25, False, OnError.PUBLISH)
    assert (settings.log_level, settings.http_port) == (LogLevel.DEBUG, 0)


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("s3://bucket", S3Location("bucket", "")),
        ("s3://bucket/", S3Location("bucket", "")),
        ("s3://bucket/a b/ü", S3Location("bucket", "a b/ü/")),
        ("s3://bucket/a/", S3Location("bucket", "a/")),
    ],
)
def test_base_uri_may_end_with_a_slash(text: str, location: S3Location):
    assert read(S3_TARGET_BASE_URI=text).s3_target_base_uri == location


@pytest.mark.parametrize(
    ("text", "tag"),
    [("team=etl", TaskTag("team", "etl")), ("a = b=c ", TaskTag("a", "b=c")), ("on=", TaskTag("on", ""))],
)
def test_tag_is_a_key_and_a_value(text: str, tag: TaskTag):
    assert read(TASK_TAG=text).task_tag == tag


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:5000/123456789012/queue",
        "http://[::1]:9324/queue/name.fifo",
        "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/name_-1",
        "https://queue.amazonaws.com/111122223333/" + "q" * 75 + ".fifo",
    ],
)
def test_queue_urls_of_aws_and_of_emulators_are_accepted(url: str):
    assert load({"TRIGGER_QUEUE_URL": url}).queue_url == url
    assert read(WAKE_QUEUE_URL=url).wake_queue_url == url


@pytest.mark.parametrize(
    "url",
    [
        "files",
        "arn:aws:sqs:eu-west-1:111122223333:files",
        "https://sqs.eu-west-1.amazonaws.com/",
        "https://sqs.eu-west-1.amazonaws.com/111122223333/files?x=1",
        "https://user:secret@sqs.eu-west-1.amazonaws.com/111122223333/queue",
        "ftp://host/queue",
        "https://host/" + "q" * 81,
        "https://host/queue.standard",
    ],
)
@pytest.mark.parametrize("name", ["QUEUE_URL", "WAKE_QUEUE_URL"])
def test_other_queue_url_is_refused_and_not_quoted(name: str, url: str):
    assert problems(**{name: url}) == [
        (
            f"TRIGGER_{name}: is not the URL of an SQS queue, "
            "such as https://sqs.eu-west-1.amazonaws.com/111122223333/files"
        ),
    ]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("POLL_INTERVAL_S", "15s", "'15s' is not a number above 0 and at most 86400"),
        ("POLL_INTERVAL_S", "0", "'0' is not a number above 0 and at most 86400"),
        ("LOOKBACK_S", "-1", "'-1' is not a number from 0 to 31622400"),
        ("SETTLE_S", "nan", "'nan' is not a number above 0 and at most 86400"),
        ("SEAL_DEADLINE_S", "inf", "'inf' is not a number above 0 and at most 604800"),
        ("LEASE_S", "0.5", "'0.5' is not a number from 1 to 3600"),
        ("DRAIN_S", "1e9", "'1e9' is not a number from 0 to 3600"),
        ("RETENTION_DAYS", "0", "'0' is not a whole number from 1 to 3650"),
        ("MAX_EXECUTIONS", "1.5", "'1.5' is not a whole number from 1 to 1000"),
        ("HTTP_PORT", "65536", "'65536' is not a whole number from 0 to 65535"),
        ("HTTP_HOST", "a host", "'a host' is not an address or a host name"),
        ("CHECK_S3", "maybe", "'maybe' is not true or false"),
        ("ON_ERROR", "ignore", "'ignore' is not one of carry, publish, drop"),
        ("ON_INCOMPLETE", "drop", "'drop' is not one of publish, hold"),
        ("RECONCILE", "none", "'none' is not one of counters, log"),
        ("SOURCE", "queue", "'queue' is not one of auto, logs"),
        ("LOG_LEVEL", "loud", "'loud' is not one of debug, info, warning, error"),
        ("LOG_FORMAT", "xml", "'xml' is not one of json, console"),
        ("MESSAGE_FORMAT", "xml", "'xml' is not one of datasync"),
        ("TABLE_NAME", "t", "'t' is not a table's name: 3 to 255 letters, digits, _ . -"),
        (
            "LOG_GROUP",
            "arn:aws:logs:eu-west-1:111122223333:log-group:x",
            (
                "'arn:aws:logs:eu-west-1:111122223333:log-group:x' is not "
                "a log group's name (no ARN): letters, digits, _ / . # -"
            ),
        ),
        ("TASK_TAG", "team", "'team' is not of the form key=value"),
        ("S3_TARGET_BASE_URI", "bucket/x", "'bucket/x' is not of the form s3://bucket or s3://bucket/prefix"),
        (
            "S3_TARGET_BASE_URI",
            "s3://bucket//x",
            "'s3://bucket//x' is not of the form s3://bucket or s3://bucket/prefix",
        ),
        (
            "TASK_ARNS",
            f"{TASK},task-1",
            f"'task-1' is not the ARN of a DataSync task, such as {TASK}",
        ),
        (
            "TASK_ARNS",
            f"{TASK},{TASK.replace('eu-west-1', 'us-east-1')}",
            (
                "one worker serves one Region of one account, "
                "not eu-west-1 of account 111122223333 and us-east-1 of account 111122223333"
            ),
        ),
        (
            "LOG_STREAM_PREFIX",
            "{task_id}",
            "'{task_id}' must hold {execution_id}, or executions would share their lines",
        ),
        ("LOG_STREAM_PREFIX", "{execution_id}:", "'{execution_id}:' holds : or *, which no log stream's name does"),
        ("ON_ERROR", "carry\nx", "holds characters that cannot be printed"),
    ],
)
def test_wrong_value_is_quoted_with_the_allowed_values(name: str, value: str, problem: str):
    assert problems(**{name: value}) == [f"TRIGGER_{name}: {problem}"]


@pytest.mark.parametrize(
    "template",
    [
        "{execution_id}{",
        "{}{execution_id}",
        "{execution_id!r}",
        "{execution_id:>9}",
        "{execution_id.x}",
        "{0}",
        "{exec}",
    ],
)
def test_stream_prefix_has_no_other_placeholders(template: str):
    assert problems(LOG_STREAM_PREFIX=template) == [
        f"TRIGGER_LOG_STREAM_PREFIX: {template!r} may hold {{task_id}} and {{execution_id}} and no other braces",
    ]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("SOURCE", "report", "'report' is not implemented in this version; give auto or logs"),
        ("MESSAGE_FORMAT", "s3-event", "'s3-event' is not implemented in this version; give datasync"),
        ("MESSAGE_FORMAT", "CloudEvents", "'CloudEvents' is not implemented in this version; give datasync"),
        ("MANIFEST_URI", "s3://bucket/m", "'s3://bucket/m' is not implemented in this version; unset it"),
    ],
)
def test_value_that_is_not_implemented_is_refused(name: str, value: str, problem: str):
    assert problems(**{name: value}) == [f"TRIGGER_{name}: {problem}"]


@pytest.mark.parametrize("name", ["executions", "Executions-2_b.fifo", "x" * 256, "x" * 251 + ".fifo"])
def test_any_topic_is_accepted(name: str):
    arn = f"arn:aws-us-gov:sns:us-gov-west-1:111122223333:{name}"
    assert read(NOTIFICATION_TOPIC_ARN=arn).notification_topic_arn == arn


@pytest.mark.parametrize(
    "arn",
    [
        "executions",
        "arn:aws:sqs:eu-west-1:111122223333:executions",
        "arn:aws:sns:eu-west-1:1111:executions",
        "arn:aws:sns:eu-west-1:111122223333:",
        "arn:aws:sns:eu-west-1:111122223333:a.b",
        "arn:aws:sns:eu-west-1:111122223333:executions:0f0e0d0c-0b0a-0908-0706-050403020100",
        "arn:aws:sns:eu-west-1:111122223333:executions,arn:aws:sns:eu-west-1:111122223333:others",
        "x" * 257,
    ],
)
def test_wrong_topic_is_refused_with_an_example(arn: str):
    (problem,) = problems(NOTIFICATION_TOPIC_ARN=arn)
    assert problem.startswith("TRIGGER_NOTIFICATION_TOPIC_ARN: ")
    assert problem.endswith(" is not the ARN of an SNS topic, such as arn:aws:sns:eu-west-1:111122223333:executions")


def test_tasks_are_chosen_by_arn_or_by_tag_and_not_by_both():
    assert problems(TASK_ARNS=TASK, TASK_TAG="a=b") == [
        "TRIGGER_TASK_TAG: not together with TRIGGER_TASK_ARNS; unset one of the two",
    ]


@pytest.mark.parametrize("host", ["sqs.eu-west-1.amazonaws.com", "eu-west-1.queue.amazonaws.com"])
def test_wake_queue_must_differ_from_the_queue_at_every_endpoint(host: str):
    assert problems(WAKE_QUEUE_URL=f"https://{host}/111122223333/files") == [
        "TRIGGER_WAKE_QUEUE_URL: is the queue of TRIGGER_QUEUE_URL, whose messages would be deleted; give another",
    ]
    assert read(WAKE_QUEUE_URL=f"https://{host}/111122223333/files.fifo").wake_queue_url.endswith(".fifo")


def test_unknown_variable_is_refused_with_the_nearest_name_and_without_its_value():
    assert problems(QUEUE_URI="hush", POLL_S="1", ZZZ="") == [
        "TRIGGER_POLL_S: is not a setting; did you mean TRIGGER_POLL_INTERVAL_S?",
        "TRIGGER_QUEUE_URI: is not a setting; did you mean TRIGGER_QUEUE_URL?",
        "TRIGGER_ZZZ: is not a setting",
    ]


def test_other_variables_are_ignored():
    assert load({**QUEUE, "PATH": "/bin", "AWS_REGION": "eu-west-1", "trigger_x": "1"}) == load(QUEUE)


def test_all_problems_are_reported_at_once():
    with pytest.raises(SettingsError) as caught:
        load(
            {
                "TRIGGER_TASK_ARNS": "x",
                "TRIGGER_TASK_TAG": "y",
                "TRIGGER_LEASE_S": "z",
                "TRIGGER_MANIFEST_URI": "s3://m",
                "TRIGGER_TYPO": "1",
            },
        )
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "TRIGGER_LEASE_S",
        "TRIGGER_MANIFEST_URI",
        "TRIGGER_QUEUE_URL",
        "TRIGGER_TASK_ARNS",
        "TRIGGER_TASK_TAG",
        "TRIGGER_TASK_TAG",
        "TRIGGER_TYPO",
    ]
    assert str(caught.value).splitlines() == list(caught.value.problems)


junk = st.text(st.characters() | st.characters(categories=("Cs", "Cc")), max_size=40)
likely = st.sampled_from(["{execution_id}", "s3://bucket/", "https://h/q", f"{TASK},", "1e5", "=", "auto", "٣", "1_0"])


@given(
    st.dictionaries(st.sampled_from(NAMES) | junk.map("TRIGGER_{}".format), junk | st.tuples(likely, junk).map("".join))
)
def test_any_environment_gives_settings_or_printable_lines_that_name_a_variable(environ):
    try:
        result = load(environ).log_stream_prefix.format(task_id="task-1", execution_id="exec-1"), ()
    except SettingsError as error:
        result = "", error.problems
    prefix, reported = result
    assert bool(prefix) != bool(reported)
    for problem in reported:
        assert problem.startswith("TRIGGER_")
        assert ": " in problem
        assert problem.isprintable()
        assert "pydantic" not in problem


def test_worker_options_are_the_settings_of_the_same_names():
    options = read(SETTLE_S="7", ON_ERROR="drop", CHECK_S3="false", RETENTION_DAYS="3").worker_options()
    assert options == WorkerOptions(settle_s=7, on_error=OnError.DROP, check_s3=False, retention_days=3)
    assert load(QUEUE).worker_options() == WorkerOptions()


def test_worker_options_record_whether_tasks_were_named():
    assert read(TASK_ARNS=TASK).worker_options().tasks_named
    assert not read(TASK_TAG="team=etl").worker_options().tasks_named
