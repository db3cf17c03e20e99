package keyed

import (
	"math"
	"runtime"
	"time"

	"github.com/deltaic/deltaic/benchmarks/measure"
)

// Phase is a stretch of load.
type Phase struct {
	Updates uint64        // how many; 0: as many as come while it lasts
	Lasts   time.Duration // without a number of updates
	Rate    float64       // a second, by a schedule that waits for nobody; 0: as fast as they are taken
	Epoch   time.Duration // how often an epoch is closed; 0: never
}

// Cost is what a phase cost.
type Cost struct {
	Updates uint64    `json:"updates"`
	Seconds float64   `json:"seconds"`
	Task    float64   `json:"task"`    // processor seconds of the task's thread, in calls of the share
	Beside  float64   `json:"beside"`  // of the rest of the process, less the making of updates
	Applied []float64 `json:"applied"` // milliseconds from the time a tick's updates were due until they were applied, by tick
	Pauses  []float64 `json:"pauses"`  // milliseconds that the task stood still at a barrier, by epoch
	Durable []Durable `json:"durable"` // by epoch
	Waited  float64   `json:"waited"`  // seconds for memory to come free
}

// Player plays load on a share. The first updates make the keys, one after the other; those behind draw them.
type Player struct {
	Share *Share
	Draw  *Draw
	Next  uint64 // the number of the update to come

	closed uint64 // the number of the first update of the open epoch

	keys, values []int64
	check        *check
	cost         *Cost
	making       float64 // processor seconds that the making of updates took
}

const (
	batchRows   = 4096 // what a busy source delivers
	updateBytes = 16   // of a batch, an update
	tick        = time.Millisecond
)

// NewPlayer returns a player in front of the first update.
func NewPlayer(s *Share, d *Draw) *Player {
	return &Player{Share: s, Draw: d, keys: make([]int64, batchRows), values: make([]int64, batchRows), check: newCheck(d.keys)}
}

// Play plays a phase. Epochs that are under way at its end are part of it; rows that no epoch has closed then are closed in
// one more, which is not. It keeps the goroutine on one thread.
func (p *Player) Play(f Phase) (Cost, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, from := Cost{}, p.Next
	p.cost, p.making = &c, 0
	before, first := measure.Used(), len(p.Share.Epochs())
	begun := time.Now()
	if err := p.stretch(f, begun); err != nil {
		return c, err
	}
	c.Seconds, c.Updates = time.Since(begun).Seconds(), p.Next-from
	c.Beside = measure.Used().CPU - before.CPU - c.Task - p.making
	if err := p.Share.Settle(); err != nil {
		return c, err
	}
	c.Durable = p.Share.Epochs()[first:]
	_, err := p.Share.Barrier(p.Next)
	p.closed = p.Next
	if err == nil {
		err = p.Share.Settle()
	}
	return c, err
}

func (p *Player) stretch(f Phase, begun time.Time) error {
	perTick := f.Rate * tick.Seconds()
	end, closed, ticks := p.Next+f.Updates, begun, 0
	if f.Updates == 0 {
		end = math.MaxUint64
	}
	for from := p.Next; p.Next < end && (f.Updates > 0 || time.Since(begun) < f.Lasts); {
		n, due := min(batchRows, end-p.Next), ticks
		if f.Rate > 0 {
			due = int(time.Since(begun) / tick)
			if due == ticks {
				time.Sleep(time.Until(begun.Add(time.Duration(ticks+1) * tick)))
				continue
			}
			if due = min(due, ticks+max(1, int(batchRows/perTick))); p.Next < from+uint64(perTick*float64(due)) {
				n = min(n, from+uint64(perTick*float64(due))-p.Next)
			}
		}
		if err := p.apply(int(n)); err != nil {
			return err
		}
		for now := time.Since(begun); ticks < due; ticks++ {
			p.cost.Applied = append(p.cost.Applied, float64((now-time.Duration(ticks+1)*tick).Microseconds())/1e3)
		}
		if err := p.relieve(); err != nil {
			return err
		}
		if f.Epoch > 0 && time.Since(closed) >= f.Epoch && p.Share.Ready() {
			closed = time.Now()
			if err := p.timed(p.barrier); err != nil {
				return err
			}
		}
	}
	return nil
}

// apply makes and applies so many updates, and takes what was done beside the task.
func (p *Player) apply(n int) error {
	begun, err := measure.ThreadCPU()
	if err != nil {
		return err
	}
	keys, values := p.keys[:n], p.values[:n]
	for i := range keys {
		index := p.Next
		if index >= p.Draw.keys {
			index = p.Draw.Index(index)
		}
		p.check.note(index, p.Next)
		keys[i], values[i] = Key(index), int64(p.Next)
		p.Next++
	}
	made, err := measure.ThreadCPU()
	if err != nil {
		return err
	}
	p.making += made - begun
	return p.timed(func() error {
		if err := p.Share.Apply(keys, values); err != nil {
			return err
		}
		return p.Share.Poll()
	})
}

// timed adds what a call takes to the cost of the task.
func (p *Player) timed(f func() error) error {
	begun, err := measure.ThreadCPU()
	if err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	ended, err := measure.ThreadCPU()
	p.cost.Task += ended - begun
	return err
}

func (p *Player) barrier() error {
	pause, err := p.Share.Barrier(p.Next)
	p.closed = p.Next
	p.cost.Pauses = append(p.cost.Pauses, pause.Seconds()*1e3)
	return err
}

// relieve does what a source and its task do when memory is full: the epoch is closed as soon as that may be and is worth it; and
// if memory is short though upkeep is under way, nothing is taken in until it is done.
func (p *Player) relieve() error {
	if !p.Share.Account.Pressed(int64(p.Next-p.closed) * updateBytes) {
		return nil
	}
	begun := time.Now()
	for !p.Share.Ready() || p.Share.Blocked() {
		if err := p.timed(p.Share.Wait); err != nil {
			return err
		}
	}
	p.cost.Waited += time.Since(begun).Seconds()
	return p.timed(p.barrier)
}
