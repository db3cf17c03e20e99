//go:build !unix

package demo

import "os"

// lockFile does nothing: there the broker's port is all that keeps two demos apart.
func lockFile(*os.File) error { return nil }
