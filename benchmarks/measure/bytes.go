package measure

import (
	"fmt"

	"github.com/dustin/go-humanize"
)

// Bytes reads a size such as 1GB, 64MiB or 1048576; "" is 0.
func Bytes(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := humanize.ParseBytes(text)
	if err != nil || n > 1<<50 {
		return 0, fmt.Errorf("%q is no size such as 1GB or 1048576", text)
	}
	return int64(n), nil
}
