// Package sim runs the engine in one goroutine under a seed: the real Job and
// Tasks, the real tables, state files and stores, over a disk that forgets what was
// not synced, a model of a source, and a clock that only the world moves.
//
// # Main types
//
// [World] is one run. It holds processes; each thing that could happen next in
// any of them (a message, a report, an order's I/O, background work, a fetch, time) is an
// event, and the seed picks one. So messages of different channels overtake each other
// and I/O is late by any amount; order within a channel is kept.
//
// [Explore] runs the world of a seed: processes that are killed or cut off from
// power at any durable operation, whose operations fail, whose replies are lost or
// repeated, whose tasks panic; zombies that go on beside a successor, and successors that start
// in the middle of an operation. [Stop] stops one fixed run at its n-th durable operation, [Points]
// and [Seeds] do that in numbers. Each run ends with a process in peace,
// which must come to the end, and with the judge (internal/crash/judge), which reads
// committed bytes by the oracle alone. A failure of a process to which nothing was done is a finding too.
//
// What it does not do: it keeps no real time, opens no socket and no Kafka; the
// pumps, mailboxes and the dispatcher of package actors are not below it. Those are run by
// internal/crash/kill and by package actors' own tests.
package sim
