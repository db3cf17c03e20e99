package kafka

import (
	"fmt"
	"maps"
	"testing"

	"github.com/deltaic/deltaic/connectors"

	"pgregory.net/rapid"
)

// Whatever a part is of, its own offsets are counted without gaps, and every offset is of one part.
func TestPartsCountTheirOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.Int32Range(1, 7).Draw(t, "parts")
		stripe := rapid.Int64Range(1, 9).Draw(t, "stripe")
		of := rapid.Int32Range(0, parts-1).Draw(t, "of")
		p := part{partition{"orders", 3}, of, parts, rapid.Int64Range(0, 50).Draw(t, "base"), stripe}
		var own []int64
		for x := range int64(200) {
			if p.count(x) != int64(len(own)) {
				t.Fatalf("%d of the offsets before %d are its own, it counts %d", len(own), x, p.count(x))
			}
			if x/stripe%int64(parts) == int64(of) {
				own = append(own, x)
			}
		}
		for n, x := range own {
			if p.offset(int64(n)) != x || p.own(x) != x || p.past(x+1) != x+1 {
				t.Fatalf("offset %d of its own is %d, it says %d, own %d, past %d", n, x, p.offset(int64(n)), p.own(x), p.past(x+1))
			}
		}
		again, err := parsePart(p.split(), stripe)
		if err != nil || again != p && p.parts > 1 {
			t.Fatalf("%s is %+v (%v), want %+v", p.split(), again, err, p)
		}
	})
}

// brokers are two partitions as parts see them: the log of each is made anew now and then, or loses its beginning.
type brokers struct {
	earliest, latest offsets
	made             int // how often the topic was made
	read             map[record]int
	most             map[partition]int64 // behind the last one that was read, since the log was made
}

type record struct {
	partition
	made   int
	offset int64
}

// happen is what happens while nobody reads; true: the log was made anew.
func (b *brokers) happen(t *rapid.T) bool {
	again := rapid.IntRange(0, 4).Draw(t, "made anew") == 0
	for _, p := range []partition{{"orders", 0}, {"orders", 1}} {
		again = again && b.most[p] > 0 // else nobody can tell
	}
	if again {
		b.made++
	}
	for _, p := range []partition{{"orders", 0}, {"orders", 1}} {
		if again {
			b.earliest.set(p, 0)
			b.latest.set(p, rapid.Int64Range(0, b.most[p]-1).Draw(t, "so far"))
			b.most[p] = 0
			continue
		}
		low, _ := b.earliest.get(p)
		high, _ := b.latest.get(p)
		high += rapid.SampledFrom([]int64{0, 0, 1, 7, 60, 200}).Draw(t, "records")
		b.latest.set(p, high)
		if rapid.IntRange(0, 4).Draw(t, "retention") == 0 {
			b.earliest.set(p, rapid.Int64Range(low, high).Draw(t, "earliest"))
		}
	}
	return again
}

// readOn reads some of each part, or all, and returns the acknowledgements.
func (b *brokers) readOn(t *rapid.T, now divided, all bool) connectors.Positions {
	acks := connectors.Positions{}
	for _, name := range now.partitions() {
		d := now[name]
		high, _ := b.latest.get(name)
		for i, p := range d {
			until := min(d.end(i), high)
			for n := rapid.IntRange(0, 60).Draw(t, "rows"); (all || n > 0) && p.at < until; n-- {
				b.read[record{name, b.made, p.at}]++
				b.most[name] = max(b.most[name], p.at+1)
				p.at = p.own(p.at + 1)
			}
			d[i] = p
			acks[p.split()] = p.position(p.at)
		}
	}
	return acks
}

// merged is the next manifest as the coordinator makes it: of the splits that Start returned, where they were, and where they are by what they acknowledge.
func merged(manifest, start, acks connectors.Positions) connectors.Positions {
	next := maps.Clone(start)
	for s, p := range manifest {
		if _, read := start[s]; read {
			next[s] = p
		}
	}
	maps.Copy(next, acks)
	return next
}

// Through any number of restarts, each of which may ask for another number of parts, or none, after each part has read as far as it
// likes, every offset is read once; also of topics that were made anew meanwhile, where data loss is passed over.
func TestDividedAnewReadsEveryOffsetOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stripe := rapid.Int64Range(1, 8).Draw(t, "stripe")
		b := &brokers{earliest: offsets{"orders": {0: 0, 1: 0}}, latest: offsets{}, read: map[record]int{}, most: map[partition]int64{}}
		in := Source("orders", Brokers("none:1"), FailOnDataLoss(false), StripeOf(stripe))
		manifest := connectors.Positions{}
		restarts := rapid.IntRange(1, 7).Draw(t, "restarts")
		for i := range restarts {
			fewest := 0 // it was killed before the first epoch
			if b.happen(t) {
				fewest = 1 // else nobody can tell once the new log is as long as the old one was
			}
			before, err := parseParts(manifest, stripe)
			if err != nil {
				t.Fatalf("%v: %v", manifest, err)
			}
			now, err := in.resume(before, found{earliest: b.earliest, latest: b.latest})
			if err != nil {
				t.Fatal(err)
			}
			for id, low := range b.earliest["orders"] {
				if p := (partition{"orders", id}); now[p] == nil {
					now[p] = whole(p, low, stripe)
				}
			}
			least := rapid.Int64Range(0, 9).Draw(t, "minPartitions")
			now.divide(least, b.latest)
			n := 0
			for p := range now {
				n += len(now[p].newest())
			}
			if int64(n) < least || int64(n) > max(least, 2)+2 {
				t.Fatalf("%d parts were asked for, there are %d", least, n)
			}
			for _, p := range now.partitions() {
				newFeed(p, now[p])
			}
			start := now.positions()
			if again, err := parseParts(start, stripe); err != nil || fmt.Sprint(again.positions()) != fmt.Sprint(start) {
				t.Fatalf("%v comes back as %v (%v)", start, again, err)
			}
			for range rapid.IntRange(fewest, 2).Draw(t, "epochs") {
				manifest = merged(manifest, start, b.readOn(t, now, false))
			}
			if i == restarts-1 {
				manifest = merged(manifest, start, b.readOn(t, now, true))
			}
		}
		for what, times := range b.read {
			if times > 1 {
				t.Fatalf("%v was read %d times; the manifest is %v", what, times, manifest)
			}
		}
		for id, high := range b.latest["orders"] {
			p := partition{"orders", id}
			for x, _ := b.earliest.get(p); x < high; x++ {
				if b.read[record{p, b.made, x}] != 1 {
					t.Fatalf("offset %d of %v was not read; the manifest is %v", x, p, manifest)
				}
			}
		}
	})
}

func TestPartsAreByWhatWaits(t *testing.T) {
	at := func(now ...int64) divided {
		d := divided{}
		for i, offset := range now {
			p := partition{"orders", int32(i)}
			d[p] = whole(p, offset, stripeOffsets)
		}
		return d
	}
	latest := func(ends ...int64) offsets {
		o := offsets{}
		for i, end := range ends {
			o.set(partition{"orders", int32(i)}, end)
		}
		return o
	}
	for _, c := range []struct {
		least int64
		at    divided
		ends  offsets
		want  []int
	}{
		{0, at(0, 0), latest(1e6, 1e6), []int{1, 1}},
		{2, at(0, 0), latest(1e6, 0), []int{1, 1}},
		{4, at(0, 0), latest(1e6, 1e6), []int{2, 2}},
		{8, at(0, 0), latest(3e6, 1e6), []int{6, 2}},
		{8, at(0, 1e6), latest(3e6, 1e6), []int{8, 1}}, // as Spark, which has no task for what is empty
		{5, at(0, 0), latest(10, 0), []int{3, 2}},      // too little to go by
	} {
		c.at.divide(c.least, c.ends)
		for i, want := range c.want {
			if got := len(c.at[partition{"orders", int32(i)}]); got != want {
				t.Errorf("minPartitions %d of %v up to %v: partition %d is in %d parts, want %d", c.least, c.at.positions(), c.ends, i, got, want)
			}
		}
	}
}

func TestNamesOfParts(t *testing.T) {
	for _, bad := range []string{"", "orders", "orders/x", "/0", "orders/-1", "orders/0/", "orders/0/0of2@5", "orders/0/3of2@5", "orders/0/1of2", "orders/0/1of2@-1",
		"orders/0/01of2@5", "orders/0/1of2@5x", "orders/0/1of99999999@5"} {
		if p, err := parsePart(connectors.SplitID(bad), stripeOffsets); err == nil {
			t.Errorf("%q was taken for %+v", bad, p)
		}
	}
}
