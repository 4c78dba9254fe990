"""Validation of requests against the service models."""

import pytest

from emulator.errors import ApiError
from emulator.wire.model import RequestValidator, compile_pattern, load_model


@pytest.mark.parametrize("service", ["datasync", "logs"])
def test_every_pattern_of_the_models_compiles(service):
    model = load_model(service)
    patterns = [model.shape_for(name).metadata.get("pattern") for name in model.shape_names]
    assert sum(compile_pattern(pattern) is not None for pattern in patterns if pattern) > 20


def test_unknown_members_are_ignored():
    validator = RequestValidator(load_model("datasync"), "InvalidRequestException")
    assert validator.validate("ListTasks", {"MaxResults": 1, "FutureMember": {}}) == {"MaxResults": 1}


@pytest.mark.parametrize("payload", [[], "text", 7, {"Filters": {}}, {"Filters": [7]}, {"MaxResults": True}])
def test_document_of_a_wrong_shape_is_rejected(payload):
    with pytest.raises(ApiError) as raised:
        RequestValidator(load_model("datasync"), "InvalidRequestException").validate("ListTasks", payload)
    assert raised.value.code == "InvalidRequestException"


def test_all_validation_errors_are_reported_together():
    with pytest.raises(ApiError, match="2 validation errors detected"):
        RequestValidator(load_model("datasync"), "InvalidRequestException").validate("CreateTask", {})
