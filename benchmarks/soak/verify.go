package soak

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/internal/oracle"
)

// findings are what is wrong with the tables, some of them in words.
type findings struct {
	wrong int64
	words []string
}

func (f *findings) add(format string, args ...any) {
	if f.wrong++; len(f.words) < 20 {
		f.words = append(f.words, fmt.Sprintf(format, args...))
	}
}

// counts are the rows that were verified.
type counts struct{ silver, twice, broken, gold int64 }

// verify holds the tables against what the plan says of the positions in the ledger, which must be the ends of the topic.
func (p plan) verify(s NodeSettings, ends []int64) (counts, findings, error) {
	var f findings
	var c counts
	if err := p.positions(s, ends, &f); err != nil {
		return c, f, err
	}
	for _, name := range []string{"silver", "gold", "quarantine"} {
		found, err := oracle.CheckLog(s.table(name))
		if err != nil {
			return c, f, err
		}
		for _, x := range found {
			f.add("%v", x)
		}
	}
	most := int64(0)
	for _, e := range ends {
		most = max(most, e*p.partitions)
	}
	due := make([]kind, most) // what is still to be found; found: seen
	sums := map[[2]int64][2]int64{}
	for partition, end := range ends {
		for o := range end {
			n := o*p.partitions + int64(partition)
			k, r := p.of(n)
			due[n] = k
			switch k {
			case good:
				at := [2]int64{r.at - r.at%window, r.k}
				sums[at] = [2]int64{sums[at][0] + 1, sums[at][1] + r.amount}
				c.silver++
			case twice:
				due[n] = seen
				c.twice++
			case broken:
				c.broken++
			}
		}
	}
	c.gold = int64(len(sums))
	err := errors.Join(p.silver(s, due, ends, &f), p.quarantine(s, due, &f), gold(s, sums, &f))
	for partition, end := range ends {
		for o := range end {
			if n := o*p.partitions + int64(partition); due[n] != seen {
				f.add("record %d of partition %d is nowhere", o, partition)
			}
		}
	}
	return c, f, err
}

const seen kind = 0xff

func (p plan) positions(s NodeSettings, ends []int64, f *findings) error {
	ledger := filepath.Join(s.checkpoint(), "ledger")
	entries, err := oracle.ReadLedger(ledger, "")
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return errors.New("bench: the ledger is empty")
	}
	found, err := oracle.CheckLedger(ledger, "", s.checkpoint())
	if err != nil {
		return err
	}
	for _, x := range found {
		f.add("%v", x)
	}
	m, err := entries[len(entries)-1].LoadManifest(s.checkpoint())
	if err != nil || m == nil {
		return errors.Join(errors.New("bench: the ledger has no manifest"), err)
	}
	for split, position := range m.Positions["orders"] {
		_, text, _ := strings.Cut(split, "/")
		partition, err := strconv.Atoi(text)
		if err != nil || partition >= len(ends) {
			return fmt.Errorf("bench: split %q: %w", split, err)
		}
		if want := strconv.FormatInt(ends[partition], 10); position != want {
			f.add("partition %d was read up to %s, its end is %s", partition, position, want)
		}
	}
	return nil
}

func (p plan) silver(s NodeSettings, due []kind, ends []int64, f *findings) error {
	t, err := oracle.Replay(s.table("silver"))
	if err != nil {
		return err
	}
	return t.Rows(func(_ oracle.File, _ int64, v map[string]any) error {
		n, _ := v["n"].(int64)
		if n < 0 || n >= int64(len(due)) || n/p.partitions >= ends[n%p.partitions] || due[n] != good {
			f.add("row %d of silver should not be there, or is there twice", n)
			return nil
		}
		due[n] = seen
		k, _ := v["k"].(int64)
		amount, _ := v["amount"].(int64)
		at, _ := v["at"].(time.Time)
		if got, want := (row{n, k, amount, at.UnixMilli()}), p.row(n); got != want {
			f.add("silver has %+v, want %+v", got, want)
		}
		return nil
	})
}

func (p plan) quarantine(s NodeSettings, due []kind, f *findings) error {
	t, err := oracle.Replay(s.table("quarantine"))
	if err != nil {
		return err
	}
	return t.Rows(func(_ oracle.File, _ int64, v map[string]any) error {
		var partition int64
		switch x := v["partition"].(type) {
		case int32:
			partition = int64(x)
		case int64:
			partition = x
		}
		o, _ := v["offset"].(int64)
		if n := o*p.partitions + partition; n < 0 || n >= int64(len(due)) || due[n] != broken {
			f.add("record %d of partition %d should not be in quarantine, or is there twice", o, partition)
		} else {
			due[n] = seen
		}
		return nil
	})
}

func gold(s NodeSettings, sums map[[2]int64][2]int64, f *findings) error {
	t, err := oracle.Replay(s.table("gold"))
	if err != nil {
		return err
	}
	err = t.Rows(func(_ oracle.File, _ int64, v map[string]any) error {
		at, _ := v["minute"].(time.Time)
		k, _ := v["k"].(int64)
		n, _ := v["n"].(int64)
		amount, _ := v["amount"].(int64)
		of := [2]int64{at.UnixMilli(), k}
		if want, ok := sums[of]; !ok || want != [2]int64{n, amount} {
			f.add("gold has %d rows and %d for key %d at %v, want %v", n, amount, k, at, want)
		}
		delete(sums, of)
		return nil
	})
	for of := range sums {
		f.add("gold lacks key %d at %v", of[1], time.UnixMilli(of[0]).UTC())
	}
	return err
}
