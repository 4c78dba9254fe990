"""All deliberate mistakes in the service, each with the tests that must notice it."""

from tests.mutants.mistakes import deciding, errors, leasing, publishing, reading, storing, working

MUTANTS = (
    *reading.MUTANTS,
    *storing.MUTANTS,
    *deciding.MUTANTS,
    *publishing.MUTANTS,
    *leasing.MUTANTS,
    *errors.MUTANTS,
    *working.MUTANTS,
)
