package lint

// excuse lets findings of one rule in one file pass whose text contains the
// words given. Each says why; those that are debts say so.
type excuse struct {
	rule, path, text string
	most             int // rule "size": the lines it may have; a longer one is a finding again
	reason           string
}

var excuses = []excuse{
	{rule: "oncall", path: "connectors/kafka/check.go", text: "time.AfterFunc", reason: "wakes the check of leaders and end offsets; what it finds is posted to the reader and decides nothing by the time"},
	{rule: "oncall", path: "connectors/kafka/check.go", text: "a goroutine", reason: "one round of the check; Reader.Close ends its context and waits for it"},
	{rule: "oncall", path: "delta/table.go", text: "time.NewTimer", reason: "the default of Options.Wait, which a test replaces"},
	{rule: "text", path: "connectors/kafka/options_test.go", text: "/et" + "c/passwd", reason: "a hostile value of an option, which must be refused"},
	{rule: "documented", path: "node/api/api.go", text: "Stream.", reason: "debt of 2026-11-24: the methods of the contract are named after the query's"},
	{rule: "sleep", path: "benchmarks/interop/kafka_more_test.go", text: "does not sleep", reason: "polls the log of a query against a real broker, with a deadline"},
}
