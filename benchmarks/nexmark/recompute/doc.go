// Package recompute works out what a Nexmark query must hold in the end, from
// the generator's records one by one: the oracle of `deltaic bench nexmark --verify`.
//
// [Run] generates the events of a run and returns the check columns of a query. It decodes with
// encoding/json and keeps Go maps, and imports nothing of expr, operators,
// windows or persistence: its word counts only while it shares no code with what it judges.
//
// The caller passes the options with which the events were made; results of queries that break ties by
// arrival hold for events that arrive in their order.
// It does not know the queries that join streams.
package recompute
