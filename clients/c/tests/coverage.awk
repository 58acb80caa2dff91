# Adds up the summaries of gcov -b: "Lines executed:91.23% of 456" and "Taken at least once:80.00% of 100".
/^File / { file = $2; gsub("'", "", file); own = file ~ /^src\// && file ~ /\.c$/ }
own && /^Lines executed:/ { split($2, p, /[:%]/); lines += $4; run += p[2] * $4 / 100; shown = sprintf("%6.2f %% of %4d lines", p[2], $4) }
own && /^Taken at least once:/ { split($0, p, /[:%]/); n = $NF; branches += n; taken += p[2] * n / 100
  printf "%s  %6.2f %% of %4d branches  %s\n", shown, p[2], n, file; own = 0 }
own && /^No branches/ { printf "%s  %29s  %s\n", shown, "", file; own = 0 }
END { printf "lines %.1f %% of %d, branches %.1f %% of %d\n", 100 * run / lines, lines, 100 * taken / branches, branches }
