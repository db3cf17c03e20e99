// Package trial runs a flow to the end of its input and says what that took.
//
// [Flow] starts the flow as any program would, available now and with the ledger beside its sink, and returns a [Run]: the
// clock's and the processor's time, and the state at the end.
//
// The processor's time is that of the whole process, so the caller must do nothing else meanwhile, and hands over input that was made
// before. What the sink holds is the caller's to check.
package trial
