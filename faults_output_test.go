package deltaic_test

import "sync"

// killedCommandOutput is what a process says, read while it runs.
type killedCommandOutput struct {
	mu   sync.Mutex
	said []byte
	pid  int
}

func (o *killedCommandOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said = append(o.said, p...)
	return len(p), nil
}

func (o *killedCommandOutput) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.said)
}
