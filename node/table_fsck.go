package node

import (
	"fmt"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/spf13/cobra"
)

// mostFindings is how many findings of one kind are kept; of a kind that has more it is said how many.
const mostFindings = 10_000

func (p *process) tableFsckCommand() *cobra.Command {
	var o delta.CheckOptions
	c := &cobra.Command{
		Use: "fsck PATH", Short: "Look for what is wrong with a table", Args: cobra.ExactArgs(1),
		Long: "Replays the table's log, holds checkpoints, reconciled commits and checksums against it, and looks for every file of the newest version: its size, its\n" +
			"footer, its deletion vector. With --deep all rows are read, and the statistics of the log are held against them. Nothing is changed.\n" +
			"Findings that are marked harmless, such as files of writers that died, leave the table sound. See docs/OPERATING.md for what each kind means.",
		Example: "  deltaic table fsck lake/orders\n  deltaic table fsck lake/orders --deep --json",
		RunE: func(c *cobra.Command, args []string) error {
			table, err := openTable(args[0])
			if err != nil {
				return err
			}
			found := findings{}
			for f, err := range table.Check(c.Context(), o) {
				if err != nil {
					return err
				}
				found.add(f)
			}
			return p.sayFindings(found.all(), "the table is sound")
		},
	}
	c.Flags().BoolVar(&o.Deep, "deep", false, "read every row and compare the log's statistics with them")
	return c
}

// findings are those of a table, a bounded number of each kind.
type findings struct {
	kept  []finding
	count map[log.FindingKind]int
	last  map[log.FindingKind]delta.Finding
}

func (s *findings) add(f delta.Finding) {
	if s.count == nil {
		s.count, s.last = map[log.FindingKind]int{}, map[log.FindingKind]delta.Finding{}
	}
	if s.count[f.Kind]++; s.count[f.Kind] <= mostFindings {
		s.kept = append(s.kept, printed(f))
	} else if last, met := s.last[f.Kind]; !met || last.Harmless {
		s.last[f.Kind] = f
	}
}

func (s *findings) all() []finding {
	for _, kind := range sortedKeys(s.last) {
		f := s.last[kind]
		f.Path, f.Version = "", -1
		f.Message = fmt.Sprintf("and %d more", s.count[kind]-mostFindings)
		s.kept = append(s.kept, printed(f))
	}
	return s.kept
}

func printed(f delta.Finding) finding {
	out := finding{Kind: string(f.Kind), Path: f.Path, Message: f.Message, Repairable: f.Repair != "", Repair: f.Repair, Harmless: f.Harmless}
	if f.Version >= 0 {
		out.Version = &f.Version
	}
	return out
}
