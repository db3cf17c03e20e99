//go:build race

package log

// Under the race detector bombs are smaller, since reading takes many times as long: what they take without it is tested without it.
const bombBytes, bombSeconds = 2 << 20, 10
