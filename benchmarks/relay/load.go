package relay

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/deltaic/deltaic/benchmarks/nexmark"
)

// load makes the rows of a run, and says what a flow makes of each.
type load struct {
	shape string
	bids  *nexmark.Generator // nil: lines
	text  []byte             // that lines are cut from
}

const (
	lineBytes = 1200
	hosts     = 10_000 // that lines are of, and rows of the table that is joined with
)

func newLoad(payload, shape string) (*load, error) {
	l := &load{shape: shape}
	if payload == Bids {
		var err error
		l.bids, err = nexmark.New(nexmark.Options{Events: 1 << 40, Seed: 1})
		return l, err
	}
	for k := uint64(0); len(l.text) < 1<<20; k++ {
		l.text = base64.RawStdEncoding.AppendEncode(l.text, binary.LittleEndian.AppendUint64(nil, mixed(k)))
	}
	return l, nil
}

// mixed is a number without a pattern for each number.
func mixed(k uint64) uint64 {
	k += 0x9e3779b97f4a7c15
	k = (k ^ k>>30) * 0xbf58476d1ce4e5b9
	k = (k ^ k>>27) * 0x94d049bb133111eb
	return k ^ k>>31
}

// bidsOf is how many of the events that have one remainder after another are bids, and where they begin.
const (
	eventsOfRun = 50
	otherEvents = 4
	bidsOfRun   = eventsOfRun - otherEvents
)

// value appends the value of row n.
func (l *load) value(dst []byte, n uint64) []byte {
	if l.bids != nil {
		return l.bids.AppendEvent(dst, n/bidsOfRun*eventsOfRun+otherEvents+n%bidsOfRun)
	}
	start := len(dst)
	dst = fmt.Appendf(dst, "host-%04d %016x ", mixed(n)%hosts, n)
	room := lineBytes - (len(dst) - start)
	at := int(n*977) % (len(l.text) - room)
	return append(dst, l.text[at:at+room]...)
}

// group is the part of a value by which rows are counted.
func (l *load) group(value []byte) []byte {
	if l.bids == nil {
		return value[:len("host-0000")]
	}
	return between(value, `"bid":{"auction":`, ',')
}

// between returns what stands behind a text, up to a byte.
func between(value []byte, behind string, end byte) []byte {
	_, rest, _ := bytes.Cut(value, []byte(behind))
	return rest[:max(bytes.IndexByte(rest, end), 0)]
}

func nameOf(id uint64) string { return fmt.Sprintf("name-%04d", id) }

// result appends what the flow makes of a value, but where it counts.
func (l *load) result(dst, value []byte) []byte {
	if l.bids == nil {
		if l.shape == Join {
			id, _ := strconv.ParseUint(string(value[len("host-"):len("host-0000")]), 10, 64)
			return append(append(dst, nameOf(id)...), value[len("host-0000"):]...)
		}
		return base64.StdEncoding.AppendEncode(dst, value)
	}
	auction := l.group(value)
	price := between(value, `,"price":`, ',')
	if l.shape == Join {
		id, _ := strconv.ParseUint(string(auction), 10, 64)
		return fmt.Appendf(dst, `{"auction":%s,"price":%s,"name":"%s"}`, auction, price, nameOf(id%hosts))
	}
	amount, _ := strconv.ParseInt(string(price), 10, 64)
	return fmt.Appendf(dst, `{"auction":%s,"bidder":%s,"price":%d,"channel":"%s"}`, auction, between(value, `,"bidder":`, ','),
		amount*908, between(value, `,"channel":"`, '"'))
}
