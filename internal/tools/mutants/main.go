// Command mutants proves that the tests can fail. It applies each patch of testdata/mutants, a bug planted on purpose,
// to a scratch copy of the repository, one by one, and runs the tests that the patch names. A mutant that no named test
// notices is a failure, and so is one that does not compile.
//
//	go run ./internal/tools/mutants [PATCH …]
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// mutant is one patch. The lines in front of the difference say what is broken and, each behind "test:", where that
// must be noticed: a package and the name of a test, and flags if need be.
type mutant struct {
	file, name string
	tests      [][]string
}

func read(file string) (m mutant, err error) {
	m = mutant{file: file, name: strings.TrimSuffix(filepath.Base(file), ".patch")}
	text, err := os.ReadFile(file)
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "diff ") || strings.HasPrefix(line, "--- ") {
			break
		}
		if test, ok := strings.CutPrefix(line, "test: "); ok {
			m.tests = append(m.tests, strings.Fields(test))
		}
	}
	if len(m.tests) == 0 {
		return m, fmt.Errorf("%s names no test", file)
	}
	return m, nil
}

// run runs a test in dir and tells whether it failed; anything but a clear answer is an error.
func run(dir string, test []string) (red bool, took time.Duration, err error) {
	pkg, name, flags := test[0], test[1], test[2:]
	args := append([]string{"test", pkg, "-run", "^" + name + "$", "-v", "-count=1"}, flags...)
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	start := time.Now()
	out, failed := cmd.CombinedOutput()
	took = time.Since(start)
	top, _, _ := strings.Cut(name, "/")
	switch {
	case failed == nil && bytes.Contains(out, []byte("--- PASS: "+top+" ")):
		return false, took, nil
	case failed != nil && regexp.MustCompile(`(?m)^(--- FAIL: `+top+` |panic: )`).Match(out):
		return true, took, nil
	}
	return false, took, fmt.Errorf("%s %s neither passed nor failed:\n%s", pkg, name, out)
}

// scratch copies every file that git knows, as it stands now.
func scratch(dir string) error {
	list, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		info, err := os.Lstat(name)
		if err != nil || !info.Mode().IsRegular() {
			continue // deleted and not yet committed, or a link
		}
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, info.Mode().Perm())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func apply(dir, patch string, flags ...string) error {
	patch, err := filepath.Abs(patch)
	if err != nil {
		return err
	}
	cmd := exec.Command("git", append([]string{"apply", patch}, flags...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s does not apply: %s", filepath.Base(patch), out)
	}
	return nil
}

// judge plants one mutant and says which test noticed it.
func judge(dir string, m mutant) (string, error) {
	if err := apply(dir, m.file); err != nil {
		return "", err
	}
	var seen string
	var took time.Duration
	for _, test := range m.tests {
		red, t, err := run(dir, test)
		if err != nil {
			return "", err
		}
		if took += t; red {
			seen = test[1]
			break
		}
	}
	if err := apply(dir, m.file, "--reverse"); err != nil {
		return "", err
	}
	if seen == "" {
		return "", fmt.Errorf("%s: no test noticed it", m.name)
	}
	return fmt.Sprintf("%-52s %-44s %5.1f s", m.name, seen, took.Seconds()), nil
}

func main() {
	files := os.Args[1:]
	if len(files) == 0 {
		files, _ = filepath.Glob("testdata/mutants/*.patch")
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err == nil {
		err = scratch(dir)
	}
	if err == nil {
		err = exec.Command("git", "init", "-q", dir).Run() // so that git apply keeps to it
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer os.RemoveAll(dir)
	bad := 0
	complain := func(err error) {
		fmt.Println("FAIL", err)
		bad++
	}
	var mutants []mutant
	sound := map[string]bool{}
	for _, file := range files {
		m, err := read(file)
		if err != nil {
			complain(err)
			continue
		}
		mutants = append(mutants, m)
		for _, test := range m.tests {
			key := strings.Join(test, " ")
			if sound[key] {
				continue
			}
			sound[key] = true
			if red, _, err := run(dir, test); err != nil || red {
				complain(fmt.Errorf("%s fails without a mutant: %v", key, err))
			}
		}
	}
	for _, m := range mutants {
		line, err := judge(dir, m)
		if err != nil {
			complain(err)
			continue
		}
		fmt.Println(line)
	}
	fmt.Printf("%d mutants, %d failures\n", len(mutants), bad)
	if bad > 0 || len(mutants) == 0 {
		os.RemoveAll(dir)
		os.Exit(1)
	}
}
