// Package start is the suite B19: from the start of the process to the first committed row with the
// broker up, and the size of the program.
//
// [Run] is the suite. The program is started as an author starts it, with `run` and a
// flow as YAML; its table is watched from outside.
package start
