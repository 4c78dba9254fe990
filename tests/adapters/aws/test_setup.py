import pytest

from service.adapters.aws.setup import create_table
from service.domain.errors import Denied

TABLE = {
    "TableStatus": "ACTIVE",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [{"IndexName": "by_phase"}, {"IndexName": "by_start"}],
}
ENABLED = {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED"}}


@pytest.fixture
def made(stub):
    """All that comes before the backups."""
    stub.answer({"TableDescription": TABLE}, {"Table": TABLE}, {"Table": TABLE}, ENABLED)


async def test_backups_that_are_not_there_yet_are_asked_for_again(clients, made, stub):
    stub.refuse("ContinuousBackupsUnavailableException", "Backups are being enabled for the table")
    stub.answer({"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED"}})
    assert await create_table(clients.dynamodb, "t")
    assert [asked.operation for asked in stub.asked[-2:]] == ["UpdateContinuousBackups"] * 2


async def test_an_endpoint_without_backups_will_do(clients, made, stub):
    stub.refuse("UnknownOperationException")
    assert await create_table(clients.dynamodb, "t")


async def test_no_leave_to_make_a_table_is_denied_with_what_to_allow(clients, stub):
    stub.refuse("AccessDeniedException")
    with pytest.raises(Denied, match="allow dynamodb:CreateTable"):
        await create_table(clients.dynamodb, "t")
