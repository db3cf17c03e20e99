package tables

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/delta/log"
)

// Options are the settings of a run. The zero value of a field means its default.
type Options struct {
	Cases   []string // of [Cases]; default all
	Files   int      // of the table of many files; default 1 000 000
	Commits int      // of the table of many commits; default 100 000
	Rows    int      // of the table that is scanned; default 10 000 000
	Rounds  int      // of Deltaic, delta-rs, delta-rs, Deltaic; default 1
	Dir     string   // a folder on the disk to measure; default the folder for temporary files
	Spark   bool     // has Spark do the same, once each: to be seen beside, with no ratio
	Profile string   // file for a profile of processor time of each case's last run of Deltaic; its name gets the case's in front
}

func (o *Options) defaults() {
	set := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	set(&o.Files, 1_000_000)
	set(&o.Commits, 100_000)
	set(&o.Rows, 10_000_000)
	set(&o.Rounds, 1)
	if len(o.Cases) == 0 {
		o.Cases = Cases()
	}
}

// What the tables are made of, besides the sizes in Options.
const (
	perCommit = 10_000 // files of a commit of the table of many files
	tail      = 10     // commits after a checkpoint
	others    = 20     // commits of others that a table is refreshed by
	appended  = 20     // rows appended by one process
	scanFiles = 8
)

// Cases returns the names of the cases, in the order in which they run.
func Cases() []string {
	return []string{"open_files", "refresh", "append", "checkpoint", "open_commits", "open_commits_checkpoint", "scan"}
}

// suite is a run in progress.
type suite struct {
	o      Options
	dir    string
	report *measure.Report
	kit    *anchors.Kit // of other engines; nil: not installed
}

// Run runs the suite. The report says what was wrong; the error is of what kept it from running.
func Run(ctx context.Context, o Options) (*measure.Report, error) {
	o.defaults()
	for _, name := range o.Cases {
		if !slices.Contains(Cases(), name) {
			return nil, fmt.Errorf("bench: there is no case %q; there are %q", name, Cases())
		}
	}
	dir, err := os.MkdirTemp(o.Dir, "deltaic-tables-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := "all"
	if len(o.Cases) == 1 {
		name = o.Cases[0]
	}
	s := &suite{o: o, dir: dir, report: measure.NewReport("delta", name), kit: anchors.FindKit()}
	for key, v := range map[string]any{"cases": o.Cases, "files": o.Files, "commits": o.Commits, "rows": o.Rows, "rounds": o.Rounds} {
		s.report.Settings[key] = v
	}
	if s.kit == nil {
		s.report.Settings["anchors"] = "none: DELTAIC_INTEROP does not name the folder with the scripts that install delta-rs and Spark"
	}
	for _, step := range []func(context.Context) error{s.files, s.commits, s.scan} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	s.report.Verified = len(s.report.Faults) == 0
	return s.report, nil
}

func (s *suite) wants(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(s.o.Cases, n) })
}

// files runs the cases of a table of many files: its checkpoint holds nearly all, a few commits come after it.
func (s *suite) files(ctx context.Context) error {
	if !s.wants("open_files", "refresh", "append", "checkpoint") {
		return nil
	}
	dir := filepath.Join(s.dir, "files")
	commits := max(1, s.o.Files/perCommit)
	t, err := makeLog(ctx, dir, commits, s.o.Files/commits)
	if err != nil {
		return err
	}
	version := int64(commits)
	if err := checkpointAt(ctx, t, version); err != nil {
		return err
	}
	if err := forget(dir, version); err != nil {
		return err
	}
	total := s.o.Files / commits * commits
	next := func(n int) (names, texts []string) {
		for i := range n {
			v := version + int64(i) + 1
			names, texts = append(names, log.CommitName(v)), append(texts, string(commitOf(v, total+i*tail, tail)))
		}
		return names, texts
	}
	names, texts := next(tail)
	for i := range names {
		if err := os.WriteFile(filepath.Join(dir, names[i]), []byte(texts[i]), 0o644); err != nil {
			return err
		}
	}
	version, total = version+tail, total+tail*tail
	want := Answer{Version: version, Files: int64(total), Rows: int64(total) * fileRows}
	if err := s.compare(ctx, "open_files", Settings{Do: "open", Path: dir}, want); err != nil {
		return err
	}
	names, texts = next(others)
	more := want
	more.Version, more.Files = version+others, more.Files+others*tail
	more.Rows = more.Files * fileRows
	if err := s.compare(ctx, "refresh", Settings{Do: "refresh", Path: dir, Names: names, Commits: texts}, more); err != nil {
		return err
	}
	more = want
	more.Version, more.Files, more.Rows = version+appended, more.Files+appended, more.Rows+appended
	if err := s.compare(ctx, "append", Settings{Do: "append", Path: dir, Appends: appended}, more); err != nil {
		return err
	}
	return s.compare(ctx, "checkpoint", Settings{Do: "checkpoint", Path: dir}, want)
}

// commits runs the cases of a table of many commits of one file, without any checkpoint and with one near its end.
func (s *suite) commits(ctx context.Context) error {
	if !s.wants("open_commits", "open_commits_checkpoint") {
		return nil
	}
	dir := filepath.Join(s.dir, "commits")
	t, err := makeLog(ctx, dir, s.o.Commits, 1)
	if err != nil {
		return err
	}
	want := Answer{Version: int64(s.o.Commits), Files: int64(s.o.Commits), Rows: int64(s.o.Commits) * fileRows}
	if err := s.compare(ctx, "open_commits", Settings{Do: "open", Path: dir}, want); err != nil {
		return err
	}
	if err := checkpointAt(ctx, t, want.Version-tail); err != nil {
		return err
	}
	return s.compare(ctx, "open_commits_checkpoint", Settings{Do: "open", Path: dir}, want)
}

func (s *suite) scan(ctx context.Context) error {
	if !s.wants("scan") {
		return nil
	}
	dir := filepath.Join(s.dir, "rows")
	sum, err := makeRows(ctx, dir, s.o.Rows, scanFiles)
	if err != nil {
		return err
	}
	return s.compare(ctx, "scan", Settings{Do: "scan", Path: dir}, Answer{Rows: int64(s.o.Rows), Sum: sum})
}
