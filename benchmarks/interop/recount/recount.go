// Package recount makes events by their numbers and counts them in tumbling windows by itself: what a flow that counted the same
// events must have come to.
//
// [Event] is event n of any number; [Windows] is what so many of them come to. Both hold only what their arguments say, so that a test that is
// run again, or by another process, has the same. The package imports nothing of expr, operators or windows: its word counts
// only while it shares no code with what it judges. It knows no watermark: nothing is late.
package recount

import (
	"strconv"
	"time"
)

// Keys is how many keys events have.
const Keys = 97

// Size is that of a window; Disorder is how far events come behind later ones, at most.
const (
	Size     = 10 * time.Second
	Disorder = 5 * time.Second
)

// Event is something that happened.
type Event struct {
	N      int64
	Sent   int64 // milliseconds since 1970; it rises with N, by 10 in ten events
	At     int64 // milliseconds since 1970
	Key    int64
	Amount int64
}

const began = 1_767_225_600_000

// Make returns event n.
func Make(n int64) Event {
	x := uint64(n)*0x9e3779b97f4a7c15 + 1
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 32
	sent := began + n
	return Event{N: n, Sent: sent, At: sent - int64(x%uint64(Disorder.Milliseconds())), Key: int64(x >> 13 % Keys), Amount: int64(x >> 40 % 1000)}
}

// AppendJSON appends the event as an object on a line of its own.
func (e Event) AppendJSON(to []byte) []byte {
	to = append(to, `{"n":`...)
	to = strconv.AppendInt(to, e.N, 10)
	to = append(to, `,"at":"`...)
	to = time.UnixMilli(e.At).UTC().AppendFormat(to, "2006-01-02T15:04:05.000Z")
	to = append(to, `","k":`...)
	to = strconv.AppendInt(to, e.Key, 10)
	to = append(to, `,"v":`...)
	to = strconv.AppendInt(to, e.Amount, 10)
	return append(to, '}')
}

// Window names what events are counted in.
type Window struct{ Start, Key int64 } // milliseconds since 1970

// Count is what is known of a window.
type Count struct{ Events, Sum, Least, Most int64 } // amounts; the least and greatest number

// Windows are those of the events 0 to n-1.
func Windows(n int64) map[Window]Count {
	out := map[Window]Count{}
	for i := range n {
		e := Make(i)
		w := Window{e.At - e.At%Size.Milliseconds(), e.Key}
		c, there := out[w]
		if !there {
			c.Least, c.Most = e.N, e.N
		}
		c.Events, c.Sum, c.Least, c.Most = c.Events+1, c.Sum+e.Amount, min(c.Least, e.N), max(c.Most, e.N)
		out[w] = c
	}
	return out
}
