package connectors

import "sync"

// Gate holds back the splits of a reader that are paused: a reader embeds one, and asks it before it delivers. It is safe for concurrent use.
type Gate struct {
	wake chan struct{}

	mu     sync.Mutex
	paused map[SplitID]bool
}

// NewGate returns a gate that lets every split through.
func NewGate() *Gate { return &Gate{wake: make(chan struct{}, 1), paused: map[SplitID]bool{}} }

// Pause holds back the split.
func (g *Gate) Pause(id SplitID) { g.set(id, true) }

// Resume lets the split go on.
func (g *Gate) Resume(id SplitID) { g.set(id, false) }

func (g *Gate) set(id SplitID, paused bool) {
	g.mu.Lock()
	g.paused[id] = paused
	g.mu.Unlock()
	g.Wake()
}

// Paused reports whether the split is held back.
func (g *Gate) Paused(id SplitID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.paused[id]
}

// Wake makes Changed ready.
func (g *Gate) Wake() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// Changed is ready when a split was paused or resumed, or Wake called, since it was last received from. One goroutine receives.
func (g *Gate) Changed() <-chan struct{} { return g.wake }
