// Package soak is the suite B20: the main job for a long time under faults, and what grows meanwhile.
//
// [Run] is the suite; [Broker] and [Node] are its processes. A plan says which record lies at which offset, so what the tables must hold
// follows from the positions of the ledger alone: rows, those of them that come twice, those that are broken, and sums by minute. Every so
// often a fault comes in turn: the process of the flow is killed, the broker is, the sink is slow, stalls, or has no room.
//
// The process of the flow is killed in the first and the last of four quarters. What grows is told from the one life between: a sample every
// few seconds of memory, goroutines, open files, state and the time from the end of an epoch to its last commit, and the line through the
// medians of their slopes. A series is flat if what it grew by is within the spread of its samples around that line, or a twentieth.
//
// The tables are read by internal/oracle. Rates are modest on purpose: the suite looks for what is lost and what is left, not for speed.
package soak
