package files

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// entryBytes bounds one entry of the log.
const entryBytes = 1 << 30

// logState is what the log says now.
type logState struct {
	next    int64            // number of the next entry
	last    map[string]int64 // newest epoch by flow and incarnation
	pending map[string]bool  // folders of partitions with files behind their last mark
	marked  []string         // folders that the newest epoch of ours completed
}

// app names a flow's incarnation in the log.
func app(flow, incarnation string) string { return flow + "/" + incarnation }

// loadLog reads the log. ours is whose marks are wanted, partitions whether it matters
// which are pending.
func loadLog(ctx context.Context, s objstore.Store, ours string, partitions bool) (*logState, error) {
	if err := s.Sync(ctx, logFolder); err != nil { // what an earlier process put may not be durable yet
		return nil, err
	}
	numbers, compact, err := listLog(ctx, s)
	if err != nil {
		return nil, err
	}
	st := &logState{last: map[string]int64{}, pending: map[string]bool{}}
	newest := int64(math.MinInt64)
	st.next = max(compact, 0)
	for _, n := range numbers {
		if n < compact {
			continue
		}
		if n != st.next {
			return nil, gap(s, entryName(st.next, compacts(st.next)), objstore.ErrNotFound)
		}
		st.next = n + 1
		name := entryName(n, n == compact)
		text, err := s.Get(ctx, name, entryBytes)
		if err != nil {
			return nil, err
		}
		err = decodeEntry(s.URI()+"/"+name, text, func(l line, _ []byte) {
			who := app(l.Flow, l.Incarnation)
			if last, known := st.last[who]; !known || l.Epoch > last {
				st.last[who] = l.Epoch
			}
			path := nameOf(s.URI(), l.Path)
			if !l.IsDir && !partitions {
				return
			}
			if !l.IsDir {
				st.pending[path[:strings.LastIndexByte(path, '/')+1]] = true
				return
			}
			folder := strings.TrimSuffix(path, "/") + "/"
			delete(st.pending, folder)
			switch {
			case who != ours || l.Epoch < newest:
			case l.Epoch > newest:
				newest, st.marked = l.Epoch, []string{folder}
			default:
				st.marked = append(st.marked, folder)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	if newest != st.last[ours] {
		st.marked = nil
	}
	return st, nil
}

// listLog returns the numbers of the entries, ascending, and that of the
// newest one that repeats all before it, -1 if there is none.
func listLog(ctx context.Context, s objstore.Store) (numbers []int64, compact int64, err error) {
	compact = -1
	err = s.List(ctx, logFolder, "", func(i objstore.Info) bool {
		text, whole := strings.CutSuffix(strings.TrimPrefix(i.Name, logFolder), compactSuffix)
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return true // hidden files of other programs
		}
		numbers = append(numbers, n)
		if whole {
			compact = max(compact, n)
		}
		return true
	})
	slices.Sort(numbers)
	return slices.Compact(numbers), compact, err
}

// compacts reports whether the entry of that number repeats all before it.
func compacts(n int64) bool { return (n+1)%compactInterval == 0 }

func entryName(n int64, compact bool) string {
	name := logFolder + strconv.FormatInt(n, 10)
	if compact {
		name += compactSuffix
	}
	return name
}

// appendLog puts the lines as the entry of that number: objstore.ErrExists if
// another one is there.
func appendLog(ctx context.Context, s objstore.Store, n int64, lines []line, retention time.Duration) error {
	var text []byte
	var err error
	if compacts(n) {
		oldest := int64(math.MinInt64)
		if len(lines) > 0 && retention > 0 {
			oldest = lines[0].ModificationTime - retention.Milliseconds()
		}
		if text, err = collected(ctx, s, n, oldest); err != nil {
			return err
		}
	}
	if text, err = encodeEntry(text, lines); err != nil {
		return err
	}
	err = s.PutIfAbsent(ctx, entryName(n, compacts(n)), text)
	if err == nil && compacts(n) {
		err = dropEntries(ctx, s, n-compactInterval)
	}
	return err
}

// collected returns the lines of all entries before n, as one text. Those older
// than the retention are left out, but for the newest of each flow, which says how far it is.
func collected(ctx context.Context, s objstore.Store, n, oldest int64) ([]byte, error) {
	text := []byte(logVersion)
	type aged struct {
		l    line
		text []byte
	}
	kept := map[string]aged{} // the newest that is too old, by flow
	for i := max(n-compactInterval, 0); i < n; i++ {
		name := entryName(i, compacts(i))
		entry, err := s.Get(ctx, name, entryBytes)
		if errors.Is(err, objstore.ErrNotFound) {
			return nil, gap(s, name, err)
		}
		if err != nil {
			return nil, err
		}
		err = decodeEntry(s.URI()+"/"+name, entry, func(l line, t []byte) {
			if l.ModificationTime >= oldest {
				text = append(append(text, '\n'), t...)
				return
			}
			who := app(l.Flow, l.Incarnation)
			if before, ok := kept[who]; !ok || l.Epoch >= before.l.Epoch {
				kept[who] = aged{l, t}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	for _, who := range sortedKeys(kept) {
		text = append(append(text, '\n'), kept[who].text...)
	}
	return text, nil
}

func gap(s objstore.Store, name string, cause error) error {
	f := supervision.New(supervision.Fatal, "FILE_SINK_LOG_GAP", "the entry %s of the log is not there: which files are committed cannot be told", name)
	f.Path, f.Cause, f.Hint = s.URI()+"/"+name, cause, "restore the folder from a copy"
	return f
}

// dropEntries removes the entries up to the last but one that repeats all
// before it: who has begun to read the log by it may go on. What cannot be removed stays until the next time.
func dropEntries(ctx context.Context, s objstore.Store, before int64) error {
	numbers, _, err := listLog(ctx, s)
	if err != nil {
		return nil
	}
	for _, n := range numbers {
		if n < before {
			_ = s.Delete(ctx, entryName(n, compacts(n)))
		}
	}
	return nil
}
