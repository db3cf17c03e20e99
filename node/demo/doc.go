// Package demo is the world around the demo's flow: a small web shop whose
// orders come out of an embedded broker, and the proof afterwards that the
// tables hold exactly what they must.
//
// A [Plan] says which record lies at which offset; nothing else does, so what a
// table should hold can be recomputed for any positions ([Plan.Record]). [StartBroker] runs the
// broker, [Plan.Produce] fills its topic from where it ends, [Verify] compares
// committed bytes with the plan. Verify reads Delta logs and Parquet files by
// itself (internal/oracle) and believes nothing that the engine counted.
//
// The caller starts the flow itself, and stops Plan.Produce before it closes the broker.
// The broker is for trying things out: one process, loopback only, no access control.
package demo
