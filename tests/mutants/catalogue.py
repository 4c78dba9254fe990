"""Deliberate mistakes in the service, and the tests that must notice each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A mistake: in `path`, `old` (which is there once) becomes `new`. `killers` are the tests that must fail then."""

    name: str
    path: str
    old: str
    new: str
    killers: tuple[str, ...]


CRASH = "tests/simulation/test_crash_everywhere.py"
MISTAKES = "tests/simulation/test_mistakes_of_others.py"
REGRESSIONS = "tests/simulation/test_regressions.py"
RELEASE = "tests/simulation/test_release_everywhere.py"
SEEDS = "tests/simulation/test_seeds.py"
DOMAIN = "tests/domain"
WORKER = "tests/worker"

MUTANTS = (
    Mutant(
        "the position is saved before the facts",
        "service/worker/reader.py",
        """        await self._ports.facts.add(execution, [storable(line) for line in parsed if isinstance(line, Fact)])
        if position is None or position.token != page.token:
            reading = execution.reading
            positions = {**reading.positions, stream: Position(page.token, self._now_ms())}
            reading = replace(reading, positions=positions, tally=reading.tally.with_lines(parsed))
            execution = await self._save(replace(execution, reading=reading))
        return execution, page.at_end
""",
        """        if position is None or position.token != page.token:
            reading = execution.reading
            positions = {**reading.positions, stream: Position(page.token, self._now_ms())}
            reading = replace(reading, positions=positions, tally=reading.tally.with_lines(parsed))
            execution = await self._save(replace(execution, reading=reading))
        await self._ports.facts.add(execution, [storable(line) for line in parsed if isinstance(line, Fact)])
        return execution, page.at_end
""",
        (f"{MISTAKES}::test_the_position_does_not_move_before_the_facts_are_stored",),
    ),
    Mutant(
        "an empty page is the end",
        "service/worker/reader.py",
        "        return execution, page.at_end\n",
        "        return execution, page.at_end or not page.events\n",
        (f"{MISTAKES}::test_empty_pages_are_not_the_end",),
    ),
    Mutant(
        "an error is an empty page",
        "service/worker/reader.py",
        "        except Absent:\n            return execution, True  #",
        "        except Exception:\n            return execution, True  #",
        (f"{MISTAKES}::test_an_error_is_neither_an_empty_page_nor_the_end",),
    ),
    Mutant(
        "a refused token is the end",
        "service/worker/reader.py",
        "            return await self._begin_again(execution), False\n",
        "            return execution, True\n",
        (f"{MISTAKES}::test_a_refused_token_leads_back_to_the_head",),
    ),
    Mutant(
        "a token is good for ever",
        "service/domain/following.py",
        "now_ms - p.token_at_ms >= TOKEN_GOOD_MS",
        "now_ms - p.token_at_ms < 0",
        (f"{MISTAKES}::test_a_token_of_yesterday_is_not_used_again", f"{WORKER}/test_reader.py"),
    ),
    Mutant(
        "a message counts as sent before it is",
        "service/worker/send.py",
        """            try:
                self._keeper.lease(execution_id)
                delivery = await self._queue.send([message for _, message in batch])
            except Trouble as trouble:
                return trouble
        chunk.acknowledge(path for path, message in batch if message.id in delivery.sent)
""",
        """            chunk.acknowledge(path for path, _ in batch)
            try:
                self._keeper.lease(execution_id)
                delivery = await self._queue.send([message for _, message in batch])
            except Trouble as trouble:
                return trouble
""",
        (f"{WORKER}/test_send.py", f"{WORKER}/test_publish.py"),
    ),
    Mutant(
        "what failed in a batch counts as sent",
        "service/worker/send.py",
        "for path, message in batch if message.id in delivery.sent)",
        "for path, message in batch)",
        (f"{WORKER}/test_send.py",),
    ),
    Mutant(
        "the cursor is saved before the outcomes",
        "service/worker/publish.py",
        """        for name, stretch in stretches(chunk, settled).items():
            await self._ports.outcomes.write(name, stretch, expires_at_s=execution.expires_at_s)
        return await self._save(replace(execution, publishing=advanced(publishing, chunk, settled)))
""",
        """        saved = await self._save(replace(execution, publishing=advanced(publishing, chunk, settled)))
        for name, stretch in stretches(chunk, settled).items():
            await self._ports.outcomes.write(name, stretch, expires_at_s=execution.expires_at_s)
        return saved
""",
        (CRASH,),
    ),
    Mutant(
        "outcomes are not stored",
        "service/worker/publish.py",
        "            await self._ports.outcomes.write(name, stretch, expires_at_s=execution.expires_at_s)\n",
        "            pass\n",
        (CRASH, f"{WORKER}/test_publish.py"),
    ),
    Mutant(
        "carried files are forgotten",
        "service/domain/plan.py",
        "    carried = [s for s in since if s in before and s.phase is Phase.CARRIED and",
        "    carried = [s for s in () if s in before and s.phase is Phase.CARRIED and",
        ("tests/worker/test_main_path.py", f"{DOMAIN}/test_plan.py"),
    ),
    Mutant(
        "carried executions are not settled with the one that sent their files",
        "service/worker/publish.py",
        "        await self._ports.executions.move(after, Phase.CARRIED)\n",
        "",
        (CRASH,),
    ),
    Mutant(
        "verified wins over failed",
        "service/domain/freshness.py",
        "    if newest.failed:\n",
        "    if newest.failed and not newest.verified:\n",
        (f"{DOMAIN}/test_freshness.py",),
    ),
    Mutant(
        "the oldest execution decides for a file",
        "service/domain/freshness.py",
        "    newest = sayings[-1]\n",
        "    newest = sayings[0]\n",
        (f"{DOMAIN}/test_freshness.py",),
    ),
    Mutant(
        "a deleted file is published",
        "service/domain/freshness.py",
        "newest.deleted or newest.verified is None",
        "newest.verified is None",
        (f"{DOMAIN}/test_freshness.py",),
    ),
    Mutant(
        "everything that was verified is new",
        "service/domain/freshness.py",
        "    return decision.fresh_since_ms is None or last_modified_ms",
        "    return True or last_modified_ms",
        (f"{DOMAIN}/test_freshness.py",),
    ),
    Mutant(
        "nothing is new but what is logged as transferred",
        "service/domain/freshness.py",
        "    return decision.fresh_since_ms is None or last_modified_ms >= decision.fresh_since_ms // 1000 * 1000\n",
        "    return False\n",
        (f"{DOMAIN}/test_freshness.py",),
    ),
    Mutant(
        "S3's whole seconds are taken for milliseconds",
        "service/domain/freshness.py",
        "decision.fresh_since_ms // 1000 * 1000\n",
        "decision.fresh_since_ms\n",
        (f"{DOMAIN}/test_freshness.py",),
    ),
    Mutant(
        "what was left to another execution counts as sent",
        "service/domain/freshness.py",
        "(Outcome.PUBLISHED, Outcome.UNCHANGED)",
        "(Outcome.PUBLISHED, Outcome.UNCHANGED, Outcome.SUPERSEDED)",
        (f"{REGRESSIONS}::test_a_file_that_was_left_to_a_held_execution_goes_out_when_that_one_is_released",),
    ),
    Mutant(
        "what became of files before is not looked up",
        "service/worker/progress.py",
        "        if not self.pasts:\n",
        "        if self.pasts is not None:\n",
        (f"{REGRESSIONS}::test_what_a_released_execution_has_sent_is_not_sent_again_for_what_it_left_to_others",),
    ),
    Mutant(
        "a success settles freshness whatever waits before it",
        "service/domain/plan.py",
        "        if execution.published_at_ms is None or not execution.reconciled:\n            break\n",
        "        if execution.published_at_ms is None or not execution.reconciled:\n            continue\n",
        (
            f"{REGRESSIONS}::test_a_file_that_waits_in_a_held_execution_is_new_to_whoever_verifies_it_next",
            f"{REGRESSIONS}::test_a_file_whose_line_was_lost_is_new_to_whoever_verifies_it_next",
        ),
    ),
    Mutant(
        "an execution does not wait for older ones",
        "service/worker/planning.py",
        "        if any(s.phase in OPEN for s in older):\n            return None\n",
        "",
        (f"{WORKER}/test_planning.py",),
    ),
    Mutant(
        "a log is sealed before older ones are closed",
        "service/worker/seal.py",
        "        if await self._older_ones_are_open(execution):\n",
        "        if False:\n",
        (f"{WORKER}/test_seal.py",),
    ),
    Mutant(
        "size is not compared",
        "service/worker/chunk.py",
        "    return stored is not None and fact.size_bytes in (None, stored.size_bytes)\n",
        "    return stored is not None\n",
        (f"{WORKER}/test_chunk.py",),
    ),
    Mutant(
        "what is not in S3 is published",
        "service/worker/chunk.py",
        "        if found is not None and not _is_the_verified_one(stored, fact):\n",
        "        if found is not None and stored is not None and not _is_the_verified_one(stored, fact):\n",
        (f"{WORKER}/test_chunk.py",),
    ),
    Mutant(
        "housekeeping is published",
        "service/worker/chunk.py",
        "        elif is_housekeeping(path):\n",
        "        elif False:\n",
        (f"{WORKER}/test_chunk.py", f"{WORKER}/test_publish.py"),
    ),
    Mutant(
        "the cursor passes over what is pending",
        "service/worker/chunk.py",
        "        return self.paths if first is None else self.paths[: self.paths.index(first)]\n",
        "        return self.paths\n",
        (f"{WORKER}/test_chunk.py",),
    ),
    Mutant(
        "acknowledgements ahead of the cursor are forgotten",
        "service/worker/chunk.py",
        "                if message.id in ahead:\n",
        "                if False:\n",
        (f"{REGRESSIONS}::test_what_was_taken_beside_a_failed_message_is_not_sent_again_by_the_next_worker",),
    ),
    Mutant(
        "what beyond the chunk was acknowledged is forgotten",
        "service/worker/chunk.py",
        "dict.fromkeys((*publishing.ahead, *chunk.ahead(settled)))",
        "dict.fromkeys(chunk.ahead(settled))",
        (f"{REGRESSIONS}::test_what_a_held_execution_sent_ahead_of_its_cursor_is_not_sent_again_with_another_one",),
    ),
    Mutant(
        "a full worker does not take what its own execution waits for",
        "service/worker/survey.py",
        "self._has_room_for(execution, executions)",
        "self._has_room_for(execution, worth_working_on(executions))",
        (f"{WORKER}/test_survey.py",),
    ),
    Mutant(
        "a task is published before its history is known",
        "service/worker/planning.py",
        "        if not task.is_complete:\n            return None\n",
        "",
        (f"{WORKER}/test_planning.py",),
    ),
    Mutant(
        "an execution that waits is kept without its facts",
        "service/worker/retention.py",
        "        await self._ports.facts.add(way.extended, page)\n",
        "",
        (f"{WORKER}/test_retention.py",),
    ),
    Mutant(
        "what is held expires",
        "service/worker/retention.py",
        "WAITING = (Phase.CARRIED, Phase.HELD)",
        "WAITING = (Phase.CARRIED,)",
        (f"{WORKER}/test_retention.py",),
    ),
    Mutant(
        "a release while another one plans is not noticed",
        "service/worker/publish.py",
        "        if released or not sources",
        "        if not sources",
        (RELEASE,),
    ),
    Mutant(
        "a later execution that is just sending has no say",
        "service/domain/plan.py",
        "    return execution.phase is Phase.PUBLISHING and execution.publishing is not None\n",
        "    return False\n",
        (f"{DOMAIN}/test_plan.py", RELEASE),
    ),
    Mutant(
        "a failure that is a result is raised",
        "service/worker/together.py",
        "    await asyncio.gather(*tasks, return_exceptions=True)\n    return [task.result() for task in tasks]\n",
        "    for result in await asyncio.gather(*tasks, return_exceptions=True):\n"
        "        if isinstance(result, BaseException):\n            raise result\n"
        "    return [task.result() for task in tasks]\n",
        (f"{REGRESSIONS}::test_what_was_taken_beside_a_failed_message_is_not_sent_again_by_the_next_worker",),
    ),
    Mutant(
        "the deduplication id is the same for every message",
        "service/domain/messages.py",
        "        deduplication_id=f",
        '        deduplication_id="once" if identity else f',
        (f"{DOMAIN}/test_messages.py", CRASH),
    ),
    Mutant(
        "the id is another one for each sending",
        "service/domain/messages.py",
        "    identity = message_id(name.arn, fact.path)\n",
        "    identity = message_id(name.arn + str(resend), fact.path)\n",
        (CRASH,),
    ),
    Mutant(
        "the lease is not looked at before sending",
        "service/worker/send.py",
        "                self._keeper.lease(execution_id)\n",
        "",
        (f"{WORKER}/test_send.py",),
    ),
    Mutant(
        "a lease is good until it is lost",
        "service/worker/lease.py",
        "        if self._clock_s() >= held.good_until_s:\n",
        "        if False:\n",
        (f"{MISTAKES}::test_a_worker_that_has_lost_its_execution_stops_sending",),
    ),
    Mutant(
        "a lease of somebody else is free at once",
        "service/worker/lease.py",
        "        return now_s - since_s >= self.lease_s\n",
        "        return True\n",
        (f"{WORKER}/test_lease.py", f"{MISTAKES}::test_two_workers_send_each_message_once"),
    ),
    Mutant(
        "a lease expires although it is renewed",
        "service/worker/lease.py",
        "        if before != lease:\n            since_s = now_s\n",
        "",
        (f"{WORKER}/test_lease.py", SEEDS),
    ),
    Mutant(
        "a survey forgets since when the sweep's lease has stood still",
        "service/worker/lease.py",
        " if name in names or name == SWEEP}",
        " if name in names}",
        (f"{WORKER}/test_lease.py", SEEDS),
    ),
    Mutant(
        "a closed execution keeps its owner",
        "service/adapters/memory/table.py",
        "        if execution.phase not in OPEN:\n",
        "        if False:\n",
        (CRASH,),
    ),
    Mutant(
        "a save needs no lease",
        "service/adapters/memory/table.py",
        "        current = self._mine(lease)\n        self._store",
        "        current = self.leases[lease.name]\n        self._store",
        ("tests/contracts/test_executions.py", SEEDS),
    ),
    Mutant(
        "SUCCESS is not waited for",
        "service/worker/seal.py",
        "        if asked.ended:\n",
        "        if asked.status in ('VERIFYING', 'SUCCESS', 'ERROR'):\n",
        (SEEDS, f"{WORKER}/test_seal.py"),
    ),
    Mutant(
        "an ERROR is published at once",
        "service/domain/sealing.py",
        "    if execution.status == Status.ERROR and policy.on_error is OnError.CARRY:\n",
        "    if False:\n",
        (f"{DOMAIN}/test_sealing.py", "tests/worker/test_main_path.py"),
    ),
    Mutant(
        "the log need not be quiet",
        "service/domain/sealing.py",
        "    return since_ms + round(policy.settle_s * 1000)\n",
        "    return since_ms\n",
        (f"{DOMAIN}/test_sealing.py",),
    ),
    Mutant(
        "the deadline never comes",
        "service/domain/sealing.py",
        "    return now_ms >= (execution.terminal_seen_at_ms or 0) + policy.deadline_s * 1000\n",
        "    return False\n",
        (f"{DOMAIN}/test_sealing.py",),
    ),
    Mutant(
        "no last pass past the deadline",
        "service/domain/sealing.py",
        "    read_since = is_past_deadline(execution, policy, now_ms=execution.reading.began_at_ms or 0)\n",
        "    read_since = past_deadline and execution.reading.pass_number > 1\n",
        (f"{REGRESSIONS}::test_a_hole_that_fills_shortly_before_the_deadline_is_read",),
    ),
    Mutant(
        "DataSync's counters are ignored",
        "service/domain/sealing.py",
        "    by_counter = files >= counter or",
        "    by_counter = files >= 0 or",
        (f"{DOMAIN}/test_sealing.py", MISTAKES),
    ),
    Mutant(
        "two passes are not compared",
        "service/domain/execution.py",
        "        return self.previous is not None and self.previous.print == self.tally.print\n",
        "        return True\n",
        (f"{DOMAIN}/test_sealing.py", f"{DOMAIN}/test_execution.py"),
    ),
    Mutant(
        "a new pass forgets what the last one has read",
        "service/domain/execution.py",
        "        return Reading(self.pass_number + 1, {}, Tally(), self.tally, rows, began_at_ms=now_ms)\n",
        "        return Reading(self.pass_number + 1, {}, Tally(), None, rows, began_at_ms=now_ms)\n",
        (f"{DOMAIN}/test_execution.py",),
    ),
    Mutant(
        "the audit is left out",
        "service/domain/sealing.py",
        "    if adds_up(execution, policy) and audited(execution):\n",
        "    if adds_up(execution, policy):\n",
        (f"{DOMAIN}/test_sealing.py",),
    ),
    Mutant(
        "a replay sends what was never published",
        "service/worker/replay.py",
        "stretch.of(path) is Outcome.PUBLISHED",
        "stretch.of(path) is not None",
        (f"{WORKER}/test_replay.py", CRASH),
    ),
    Mutant(
        "a stop does not wait for what is not saved",
        "service/worker/loop.py",
        "    while lately.unsaved or not around.stop.is_set():\n",
        "    while not around.stop.is_set():\n",
        (f"{REGRESSIONS}::test_a_worker_that_is_told_to_stop_first_saves_what_it_has_sent",),
    ),
    Mutant(
        "what is released before its log was read is published as it is",
        "service/worker/operator.py",
        "        if held.ended and held.reconciled is None and blocker(held) is None:\n",
        "        if False:\n",
        (f"{REGRESSIONS}::test_what_is_released_before_its_log_was_read_is_read_first",),
    ),
    Mutant(
        "a path that no key can be is left out",
        "service/worker/reader.py",
        "[storable(line) for line in parsed if isinstance(line, Fact)]",
        "[line for line in parsed if isinstance(line, Fact) and storable(line) is line]",
        (f"{WORKER}/test_reader.py", SEEDS),
    ),
    Mutant(
        "a notification is forgotten before it is published",
        "service/worker/notify.py",
        "            await self._topic.publish(notification(announcement, execution))\n",
        """            await self._outbox.done(announcement)
            await self._topic.publish(notification(announcement, execution))
""",
        (CRASH, f"{WORKER}/test_notify.py"),
    ),
    Mutant(
        "a transition and its announcement are two writes",
        "service/adapters/aws/executions.py",
        "                await self._rows.update_and_put(key, change, values, item, condition=condition)\n",
        """                await self._rows.update(key, change, values, condition=condition)
                await self._rows.put(item)
""",
        ("tests/adapters/aws/test_dynamodb.py",),
    ),
    Mutant(
        "a notification that is refused keeps the others waiting",
        "service/worker/notify.py",
        "        except Rejected as refusal:\n",
        "        except ZeroDivisionError as refusal:\n",
        (f"{WORKER}/test_notify.py",),
    ),
    Mutant(
        "a wake-up calls back what keeps away from trouble",
        "service/worker/loop.py",
        "None if error else ring",
        "ring",
        (f"{WORKER}/test_loop.py",),
    ),
    Mutant(
        "a ring during a tick is not heard",
        "service/worker/loop.py",
        "None if error else ring",
        "None if error else around.bell.next_ring()",
        (f"{WORKER}/test_loop.py",),
    ),
    Mutant(
        "a wake-up is worth one look only",
        "service/worker/wake.py",
        "            self._once_more = not self._once_more\n",
        "",
        (f"{WORKER}/test_wake.py", f"{WORKER}/test_supervisor.py"),
    ),
    Mutant(
        "the wake loop is woken by itself, and so never rests",
        "service/worker/supervisor.py",
        "        unwoken = replace(around, bell=Bell())\n",
        "        unwoken = around\n",
        (f"{WORKER}/test_supervisor.py",),
    ),
    Mutant(
        "waiting for a wake-up holds up the stop",
        "service/worker/supervisor.py",
        "            await end(waking)\n            await asyncio.wait({*loops, ",
        "            await asyncio.wait({*waking, *loops, ",
        (f"{WORKER}/test_supervisor.py",),
    ),
)
