package deltaic_test

import "os"

// whole returns how much of a cell of the fault matrix is run: all of it under make faults.
func whole(slice, all int) int {
	if os.Getenv("DELTAIC_TEST_FAULTS") == "all" {
		return all
	}
	return slice
}
