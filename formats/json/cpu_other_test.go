//go:build !unix

package json

import "time"

func cpuTime() time.Duration { return 0 }
