//go:build !unix

package node

import "os"

// lock does nothing: there only the address of a flow tells that it runs.
func lock(*os.File, bool) error { return nil }
