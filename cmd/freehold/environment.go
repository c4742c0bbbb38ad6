package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"
)

// fromEnvironment sets every flag that was not given and whose variable is: --tls-cert is FREEHOLD_TLS_CERT. What may be
// repeated is listed with commas. Call it after flags.Parse. All that is wrong is reported at once.
func fromEnvironment(flags *flag.FlagSet, lookup func(string) (string, bool)) error {
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var wrong []error
	flags.VisitAll(func(f *flag.Flag) {
		name := variable(f.Name)
		text, set := lookup(name)
		if !set || text == "" || given[f.Name] {
			return
		}
		values := []string{text}
		if _, repeated := f.Value.(repeatable); repeated {
			values = strings.Split(text, ",")
		}
		for _, value := range values {
			if err := f.Value.Set(strings.TrimSpace(value)); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	return errors.Join(wrong...)
}

// variable is the environment's name for a flag.
func variable(flag string) string {
	return "FREEHOLD_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// repeatable marks flags that may be given more than once.
type repeatable interface{ repeatable() }
