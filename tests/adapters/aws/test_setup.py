import pytest

from service.adapters.aws.setup import create_table
from service.domain.errors import AccessDeniedError

TABLE = {
    "TableStatus": "ACTIVE",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [{"IndexName": "by_phase"}, {"IndexName": "by_start"}],
}
ENABLED = {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED"}}


@pytest.fixture
def created_table(stub):
    """Prepare the answers that precede the backups."""
    stub.answer({"TableDescription": TABLE}, {"Table": TABLE}, {"Table": TABLE}, ENABLED)


async def test_unavailable_backups_are_enabled_later(clients, created_table, stub):
    stub.refuse("ContinuousBackupsUnavailableException", "Backups are being enabled for the table")
    stub.answer({"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED"}})
    assert await create_table(clients.dynamodb, "t")
    assert [asked.operation for asked in stub.asked[-2:]] == ["UpdateContinuousBackups"] * 2


async def test_endpoint_without_backups_is_accepted(clients, created_table, stub):
    stub.refuse("UnknownOperationException")
    assert await create_table(clients.dynamodb, "t")


async def test_denied_create_table_names_the_iam_action(clients, stub):
    stub.refuse("AccessDeniedException")
    with pytest.raises(AccessDeniedError, match="allow dynamodb:CreateTable"):
        await create_table(clients.dynamodb, "t")
