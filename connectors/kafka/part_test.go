package kafka

import (
	"fmt"
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

// Through any number of restarts, each of which may ask for another number of parts after each part has read as far as it likes,
// every offset is read once.
func TestDividedAnewReadsEveryOffsetOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stripe, length := rapid.Int64Range(1, 8).Draw(t, "stripe"), rapid.Int64Range(1, 300).Draw(t, "length")
		name := partition{"orders", 0}
		known := divided{name: whole(name, rapid.Int64Range(0, 20).Draw(t, "from"), stripe)}
		first := known[name][0].at
		read := map[int64]int{}
		step := func(all bool) {
			at := divided{}
			for _, d := range known {
				next := division{}
				for i, p := range d {
					until := min(d.end(i), length)
					for n := rapid.IntRange(0, 60).Draw(t, "rows"); (all || n > 0) && p.at < until; n-- {
						read[p.at]++
						p.at = p.own(p.at + 1)
					}
					next = append(next, p)
				}
				at[name] = next
			}
			before := at.positions()
			again, err := parseParts(before, stripe)
			if err != nil || fmt.Sprint(again.positions()) != fmt.Sprint(before) {
				t.Fatalf("%v comes back as %v (%v)", before, again, err)
			}
			known = again
		}
		for range rapid.IntRange(1, 5).Draw(t, "restarts") {
			least := rapid.Int64Range(0, 5).Draw(t, "minPartitions")
			known.divide(least, offsets{"orders": {0: length}})
			if n := int64(len(known[name].newest())); n != max(least, 1) && n != least+1 {
				t.Fatalf("%d parts were asked for, there are %d", least, n)
			}
			step(false)
		}
		step(true)
		for x := first; x < length; x++ {
			if read[x] != 1 {
				t.Fatalf("offset %d was read %d times; at the end %v", x, read[x], known.positions())
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
