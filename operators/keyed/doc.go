// Package keyed runs authors' code with state by key: Spark's transformWithState.
//
// # Main types
//
// A [Processor] is the code: it is called with the rows of a key, and when a timer of a key is due. It opens its
// state in Init: [Value], [List] and [Map], each with a time to live if wanted. A [Call] is what it may do
// when it is called: emit rows, ask for the time, set timers. [New] makes the operator of one task.
//
// # What holds
//
//   - State is that of the key at work. It is stored under its name, as typed.Binary says: types may gain, lose, move and widen fields. A
//     state that is no longer opened and still holds something is refused when the flow starts.
//   - Rows of one key come in order. How many come in one call depends on batches, and must not matter.
//   - An event-time timer is due when the watermark has reached it, a processing-time timer at the end of the epoch that reaches it.
//     Timers fire in the order of their time. One that is set while another fires, for a later time that is due as well, fires
//     in its turn; for an earlier time it fires with the next watermark. At the end of the input those that are set then fire once.
//   - State with a time to live is gone when processing time, which is the epoch's, reaches its end. Writing renews it.
//   - A panic or an error of the code ends the flow: state may be half changed, so the last checkpoint holds.
//
// # The caller's duties
//
// The exchange before the step is by the keys. Processors belong to one task; whatever they keep outside of their states is
// lost at a restart.
package keyed
