package node

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
	"github.com/spf13/cobra"
)

// finding is something that is wrong in a checkpoint location.
type finding struct {
	Kind       string `json:"kind"` // missing, corrupt, orphan
	Path       string `json:"path"`
	Version    int64  `json:"version,omitempty"`
	Message    string `json:"message"`
	Repairable bool   `json:"repairable"`
}

func (p *process) fsckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "fsck LOCATION", Short: "Check the files of a checkpoint location", Args: cobra.ExactArgs(1),
		Long: "Reads the ledger's newest epoch, its manifest, and every state file that it names, to the last byte. Files that no epoch needs and that a\n" +
			"dead process left are named too; they do no harm, and the next start removes them.",
		Example: "  deltaic fsck ./state/orders --json",
		RunE:    func(c *cobra.Command, args []string) error { return p.fsck(c.Context(), args[0]) },
	}
}

func (p *process) fsck(ctx context.Context, location string) error {
	m, store, err := manifestAt(ctx, location, 0)
	var findings []finding
	switch failure := (*supervision.Failure)(nil); {
	case errors.As(err, &failure) && (failure.Class == "MANIFEST_CORRUPT" || failure.Class == "LEDGER_CORRUPT"):
		findings = append(findings, finding{Kind: "corrupt", Path: failure.Path, Message: failure.Message})
	case err != nil:
		return err
	default:
		if findings, err = checkState(ctx, m, store); err != nil {
			return err
		}
	}
	ok := true
	for _, f := range findings {
		ok = ok && f.Kind == "orphan"
	}
	if p.asJSON() {
		if findings == nil {
			findings = []finding{}
		}
		if err := p.print(struct {
			OK       bool      `json:"ok"`
			Findings []finding `json:"findings"`
		}{ok, findings}); err != nil {
			return err
		}
	} else {
		for _, f := range findings {
			p.say("%-8s %s: %s\n", f.Kind, f.Path, f.Message)
		}
		if ok {
			p.say("epoch %d is whole: %d state files\n", m.Epoch, len(m.State))
		}
	}
	if !ok {
		return &ExitError{Code: ExitFailed}
	}
	return nil
}

// checkState reads every state file that a manifest names, and looks for others.
func checkState(ctx context.Context, m *epochs.Manifest, store objstore.Store) ([]finding, error) {
	var findings []finding
	stored, named := storedIn(m, store), map[string]bool{}
	for _, f := range stored.Files {
		named[f.Name] = true
		err := stored.Check(ctx, f)
		var failure *supervision.Failure
		switch {
		case err == nil:
		case !errors.As(err, &failure):
			return nil, err
		case errors.Is(err, objstore.ErrNotFound):
			findings = append(findings, finding{Kind: "missing", Path: f.Name, Message: failure.Message})
		default:
			findings = append(findings, finding{Kind: "corrupt", Path: f.Name, Message: failure.Message})
		}
	}
	err := store.List(ctx, "state/"+m.Incarnation+"/", "", func(i objstore.Info) bool {
		if attempt := attemptIn(i.Name); !named[i.Name] && attempt > 0 && attempt < m.Attempt {
			findings = append(findings, finding{Kind: "orphan", Path: i.Name, Message: fmt.Sprintf("attempt %d left it and epoch %d does not need it", attempt, m.Epoch), Repairable: true})
		}
		return true
	})
	return findings, err
}

// attemptIn reads the attempt out of a state file's name; 0 if it is none.
func attemptIn(name string) int64 {
	digits, _, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], "-")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
