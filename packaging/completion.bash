# Completion of cgi2wsgi's command line for bash. The options are those that
# --help=all lists, so that none is ever missing here.

_cgi2wsgi()
{
	local word=$2 before=$3 option

	COMPREPLY=()
	case $before in
	--venv | --path | --chdir)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return ;;
	--web-user)
		mapfile -t COMPREPLY < <(compgen -u -- "$word")
		return ;;
	--request | -X)
		mapfile -t COMPREPLY < <(
		    compgen -W 'GET HEAD POST PUT PATCH DELETE OPTIONS' \
		    -- "$word")
		return ;;
	esac
	# Whatever is no option may be a file: a value, a script.
	if [[ $word != -* ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
	fi
	while read -r option; do
		[[ $option != "$word"* ]] || COMPREPLY+=("$option")
	done < <("$1" --help=all | sed -n \
	    -e 's/^  \(-.\), \(--[a-z-]*\).*/\1\n\2/p' \
	    -e 's/^      \(--[a-z-]*\).*/\1/p')
}
complete -F _cgi2wsgi cgi2wsgi
