//go:build !race

package log

const bombBytes, bombSeconds = 8 << 20, 1
