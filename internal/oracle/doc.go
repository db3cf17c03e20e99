// Package oracle judges what the engine committed by reading it independently:
// a deliberately naive Delta replayer over plain files, a naive row reader and
// the checks that every log, table and ledger must pass. Tests, the crash harness and
// `deltaic demo verify` stand on it.
//
// [Replay] gives a [Table]: its live files, transactions, domains and commits. [Table.Rows]
// gives its rows, [CheckLog] and [CheckData] the findings, [ReadLedger] and
// [CheckLedger] a flow's epochs. Everything is read again on every call and nothing is cached.
//
// It shares no code with the rooms it judges: it imports the standard library
// a Parquet and a Roaring reader, nothing of this module. It is slow and plain on purpose. It
// refuses, by name, column mapping, V2 checkpoints and deletion vectors that are not in files beside the data, and
// does not look at anything that is not committed.
package oracle
