//go:build mutants

package mutant

import "os"

var chosen = Bug(os.Getenv("DELTAIC_MUTANT"))

// On reports whether the bug is planted.
func On(b Bug) bool { return b == chosen }
