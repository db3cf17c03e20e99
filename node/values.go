package node

import (
	"cmp"
	"fmt"
	"github.com/dustin/go-humanize"
	"maps"
	"slices"
	"strconv"
	"strings"
)

func positive(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a positive whole number", text)
	}
	return n, nil
}

func boolean(text string) (bool, error) {
	b, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		return false, fmt.Errorf("%q is neither true nor false", text)
	}
	return b, nil
}

func commas(n int64) string { return humanize.Comma(n) }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
