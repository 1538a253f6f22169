# perl ldirectord.pl PROGRAM FOLDER FILE...: what the reader of the Perl ldirectord makes of each file: its exit status, a line each
my ($program, $folder, @files) = @ARGV;
@ARGV = ();
local $/;
open(my $in, '<', $program) or die "$program: $!";
my $text = <$in>;
$text =~ s/^ld_init\(\);.*?^# functions$//ms or die "its main part is not where it was";
{ local $/ = "\n"; $ENV{PERLIO} = "perlio";
eval $text . <<'REST' or die $@;
no warnings;
*ld_log = sub { };
*ld_openlog = sub { $LDIRLOG =~ m{^/nowhere} ? 1 : 0 };
$HOSTNAME = "here"; $CFGNAME = "corpus"; $RUNPID = "$folder/pid";
$DAEMON_STATUS = $DAEMON_STATUS_STARTING;
for my $file (@files) {
    my $child = fork;
    if (!$child) { open(STDERR, '>', "$file.said"); $CONFIG = $file; read_config(); CORE::exit(0); }
    waitpid($child, 0);
    print "$file ", $? >> 8, "\n";
}
1;
REST
}
