//go:build race

package deltaic_test

// raced says that the race detector is built in.
const raced = true
