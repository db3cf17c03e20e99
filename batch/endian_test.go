package batch

import (
	"bytes"
	"testing"
)

// TestSwapEndian stands for the machines that no test runs on.
func TestSwapEndian(t *testing.T) {
	b := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	swapEndian[int32](b)
	if !bytes.Equal(b, []byte{4, 3, 2, 1, 8, 7, 6, 5}) {
		t.Errorf("%v", b)
	}
	swapEndian[byte](b)
	swapEndian[uint64](b)
	if !bytes.Equal(b, []byte{5, 6, 7, 8, 1, 2, 3, 4}) {
		t.Errorf("%v", b)
	}
}
