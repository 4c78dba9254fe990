"""The service models as judges."""

import pytest

from emulator.errors import ApiError
from emulator.wire.model import RequestValidator, compile_pattern, load_model


@pytest.mark.parametrize("service", ["datasync", "logs"])
def test_every_pattern_of_the_models_can_be_checked(service):
    model = load_model(service)
    patterns = [model.shape_for(name).metadata.get("pattern") for name in model.shape_names]
    assert sum(compile_pattern(pattern) is not None for pattern in patterns if pattern) > 20


def test_members_that_the_model_does_not_know_are_passed_over():
    validator = RequestValidator(load_model("datasync"), "InvalidRequestException")
    assert validator.validate("ListTasks", {"MaxResults": 1, "FutureMember": {}}) == {"MaxResults": 1}


@pytest.mark.parametrize("payload", [[], "text", 7, {"Filters": {}}, {"Filters": [7]}, {"MaxResults": True}])
def test_documents_of_a_wrong_shape_are_refused(payload):
    with pytest.raises(ApiError) as refused:
        RequestValidator(load_model("datasync"), "InvalidRequestException").validate("ListTasks", payload)
    assert refused.value.code == "InvalidRequestException"


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(ApiError, match="2 validation errors detected"):
        RequestValidator(load_model("datasync"), "InvalidRequestException").validate("CreateTask", {})
