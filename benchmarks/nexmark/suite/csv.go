package suite

import (
	"context"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/deltaic/deltaic/connectors/files"
)

// csv is q10's sink: files partitioned by day and minute, a partition complete a minute behind its own.
func (q *query) csv(o *Options) (*output, error) {
	sink := files.At(o.Out, files.Options{Format: files.CSV, PartitionBy: []string{"dt", "hm"}, MaxFileAge: time.Minute,
		PartitionCommit: &files.PartitionCommit{Time: "$dt $hm:00", Delay: time.Minute}})
	return &output{sink: sink, result: func(context.Context) (map[string]any, error) { return minutes(o.Out) }}, nil
}

// minutes counts the rows of the files that readers see, by minute.
func minutes(dir string) (map[string]any, error) {
	counts := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if hidden := strings.HasPrefix(d.Name(), "_") || strings.HasPrefix(d.Name(), "."); hidden && path != dir {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		minute, is := strings.CutPrefix(filepath.Base(filepath.Dir(path)), "hm=")
		if !is {
			return fmt.Errorf("%s lies in no partition", path)
		}
		if minute, err = url.PathUnescape(minute); err != nil {
			return err
		}
		n, err := records(path)
		counts[minute] += n
		return err
	})
	return map[string]any{"rows_by_partition": counts}, err
}

func records(path string) (n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := stdcsv.NewReader(f)
	r.ReuseRecord, r.LazyQuotes = true, true
	for {
		if _, err := r.Read(); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, fmt.Errorf("%s: %w", path, err)
		}
		n++
	}
}
