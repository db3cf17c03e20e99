package faults

// Cell is one fault.
type Cell struct {
	Fault    string
	Injector string   // what does it
	Asserts  string   // what must hold all the same
	Tests    []string // "folder Test": the folder of the package, and the test
}

// Cells is the matrix, in the order of the page.
var Cells = []Cell{
	{"a process believed dead wakes up", "SIGSTOP, a second process takes the flow over, SIGCONT; a second run in the same process; rivals at any durable operation of the simulator", "the first commits nothing more, says that it was fenced and ends; every row once",
		[]string{". TestAStoppedProcessIsFencedWhenItWakes", "actors TestALaterAttemptFencesTheEarlierOne", "connectors/kafka TestZombie", "internal/sim TestCrashSeeds"}},
	{"kill -9 at any time", "SIGKILL of the real binary and at each durable write; crashes of the simulator", "no row lost, none doubled, no file half written that counts",
		[]string{". TestUpsertsOutliveKills", ". TestUpsertsOutliveKillsAtEachStep", ". TestKafkaOutlivesKills", "internal/crash/kill TestCrashKills", "internal/sim TestCrashPoints"}},
	{"power cut", "a disk that forgets what was not synced, with torn writes, at every durable operation", "each version is there whole or not at all",
		[]string{"delta TestCrashAtEveryDurableOperation", "objstore/local TestPowerCut"}},
	{"full disk", "a tmpfs of 4 MB that is full, then larger; ENOSPC at any operation of the simulator", "the flow waits and says for what, nothing is committed by halves, it goes on by itself",
		[]string{". TestAFullDiskIsWaitedFor", "objstore/local TestDisk", "internal/sim TestCrashSeeds"}},
	{"a bit flips, a write is torn, a page is zeros", "one bit, a cut and a hole of 512 bytes in each file that a flow has written: state, manifest, ledger, commits, data", "the flow or the reader says so, or every row is right; commits of Delta have no checksum, so single bits of them that nobody can tell are counted, and are below one in twenty",
		[]string{". TestNoDamageIsSilent", ". TestBrokenStateIsNamed", "persistence TestEveryFlippedBitIsFound", "persistence TestDamagedImages", "delta TestBrokenCheckpoints", "delta TestDamagedFile", "delta TestDamagedVectors", "delta TestWrongChecksums", "delta/log TestALineIsNotPassedOverWithAnother"}},
	{"fsync fails once", "EIO from fsync of a file and of its folder, then success", "it is not tried again, the epoch is aborted, the next attempt writes other files",
		[]string{"objstore/local TestFailedFsync", "internal/sim TestCrashSeeds"}},
	{"a reply is lost", "requests that are done and not answered, answered twice, or never done", "the outcome is looked up: no commit twice, none given up",
		[]string{"delta TestUnknownOutcomeIsTriedAgain", "persistence TestUnknownOutcomes", "objstore/s3 TestAPutIsSettledWhateverTheReply", "internal/sim TestBucketSeeds"}},
	{"the network is cut", "between a flow and its broker, which it reads and copies to, and between it and the bucket of its tables, ledger and state: in both ways, requests alone, answers alone, every 200 ms, connections one by one that come back in another order; what waits comes late or goes with its connection", "the flow goes on by itself, no second commit, every row once in tables and topic",
		[]string{". TestPartitionsOfTheNetwork"}},
	{"the clock jumps", "an hour and a year ahead and back, at every look", "windows of event time are the same rows, the flow ends",
		[]string{"actors TestResultsDoNotFollowTheClock"}},
	{"brokers", "on a real broker: docs/KAFKA-MATRIX.md; its twins here: brokers away and back, leaders that move, a truncated log, out of range, aborted transactions, compacted gaps, partitions that come, topics that go", "what can be waited for is, what is lost is named, every row once",
		[]string{"connectors/kafka TestBrokersAway", "connectors/kafka TestLeadersMove", "connectors/kafka TestDataLoss", "connectors/kafka TestOutOfRangeThatIsNot", "connectors/kafka TestInterruptedTransaction", "connectors/kafka TestGapAtTheEnd",
			"connectors/kafka TestTopicThatVanishes", "connectors/kafka TestLargeRecordAndBomb", ". TestPartitionsThatComeWhileItRuns"}},
	{"barriers go astray", "doubled, overtaken by the next epoch's, delayed on one channel; rows lost, doubled or out of order before them", "told and the attempt ended, or held back without harm",
		[]string{"actors TestBarriersThatGoAstray", "actors TestRowsBehindAWaitingBarrierBelongToTheNextEpoch", "epochs TestAcksOutOfTurnAreErrors"}},
	{"a source is idle or at its end", "splits without rows, in every order of going idle; bounded sources", "watermarks and epochs go on, and what is late is decided alike",
		[]string{"actors TestAllIdleInputsHaveTheirGreatestWatermarkInEveryOrder", "actors TestTheWindowsOfAnIdleSplitAreNotWaitedFor", "actors TestAvailableNowMovesEveryRowOnceAndEnds"}},
	{"a task hangs", "a sink, a step or a commit that does not come back", "it is named within 30 s", []string{"actors TestWhoDoesNotGetOnIsNamed"}},
	{"poison", "records that are no JSON, 1,000 deep, of 10,000 fields, of 64 MiB, of invalid UTF-8, of another type, at and beyond the ends of numbers and time, NaN and infinities, null keys and values; a function that panics", "each in quarantine once with its place, none else, the flow lives",
		[]string{". TestPoisonIsCountedExactly", ". TestHostileRecordsAreQuarantinedAlone", ". TestARecordOf64MiBArrivesOrIsQuarantined", ". TestRowsThatFail", "actors TestARowThatPanicsIsQuarantinedAlone", "delta/log TestBombs"}},
	{"a slow or stalled sink, overload", "a sink that takes nothing, for 60 s of a clock that the test turns too, then a batch at a time, below a source with all the rows there are; three times the rows that a flow can do, for minutes, in a control group", "the source is read no further than credits go; who stalls is named within 30 s; memory is bounded and does not grow; every row comes, once",
		[]string{". TestASinkThatStallsHoldsItsSource", "actors TestASinkThatStallsForAMinute", ". TestOverload", "actors TestATaskWaitsForWorkThatFreesMemory", ". TestQueriesShareMemory"}},
	{"more state than memory", "distinct keys, one key with nine rows of ten, one aggregate of 512 MB beside another flow, each in a control group; keys of 10 MB, values of 65 MB", "state goes below memory or is refused by its name with what to do; the group's limit holds, and other flows go on",
		[]string{". TestMemoryHoldsUnderKeys", ". TestAnAggregateLargerThanMemory", ". TestAKeyOf10MB", "operators/keyed TestAValueIsBounded", "persistence TestStoresEqualAGoMap", "actors TestAFlowOutlivesItsImage"}},
	{"columns change under a flow", "fields that come, widen and clash in records of JSON, Avro and Protobuf; columns added, widened, renamed and dropped by another writer of the table", "by policy taken, kept aside or refused before a commit",
		[]string{". TestFieldsThatComeFlowOn", ". TestNestedFieldsFlowOn", ". TestAddedColumnFlowsOn", "expr TestRescuedData", "expr TestWritersWithMore", "expr TestFieldsThatClash", "expr TestFieldsOfAnotherMeaning", "delta TestSinkMergesSchemas", "delta TestSchemaLog"}},
	{"others write the table", "appends, removals, changes of metadata and protocol, log cleanup at once, by enumeration and by processes; Spark and delta-rs in make interop", "Delta's rules of conflict, no commit lost",
		[]string{"delta TestConflictMatrix", "delta TestConcurrentAppends", "delta TestWhatCommitsIsSerializable", "delta TestTransactionsHoldToAModel", "delta TestCleanLog"}},
	{"it is asked to stop under load", "SIGTERM while rows come without a pause", "it ends by itself within the deadline of a drain with whole epochs, every table at the same rows, and goes on from there",
		[]string{". TestACleanStopUnderLoad"}},
	{"another parallelism", "every pair of 1 to 8, in the middle of windows; at each kill", "the rows of a run at one parallelism",
		[]string{". TestEveryPairOfParallelisms", "actors TestDuplicatesAreDroppedAcrossRestartsAtAnotherParallelism"}},
	{"an older or newer program", "golden files of every format of state; a checkpoint of a format to come", "the old are read, the new refused by name",
		[]string{"persistence TestGoldenFileOfFormat1", "persistence TestGoldenFileOfFormat2", "epochs TestEntriesSurviveEncodingAndNewerFormatsAreRefused", ". TestANewerFormatIsRefusedByName"}},
	{"secrets are given", "a canary in every option, header, address, file and variable in which a secret can be", "it is in no log, answer, error, plan, table or file",
		[]string{". TestNoSecretGetsOut", ". TestEverySecretOptionIsKnown", "connectors/kafka TestSecretsStayOut"}},
}
