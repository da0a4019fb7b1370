use super::super::{Grade, MAX_FILE_BYTES};
use super::*;

fn tiny() -> &'static str {
    BUILT_IN.iter().find(|(name, _)| *name == "tiny").unwrap().1
}

fn message(result: Result<ChipSpec, Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn all_unknown_missing_and_mistyped_fields_are_told_at_once_with_their_lines() {
    let text = tiny()
        .replace("hop_cycles = 2", "hops = 2")
        .replace("queue_flits = 4", "queu_flits = 4")
        .replace("width = 4\n", "")
        .replace("table = true", "table = \"yes\"")
        .replace("buffers = 2", "buffers = 2.5")
        .replace("overflow = \"saturate\"", "overflow = \"clamp\"")
        .replace("side = \"-x\"", "side = \"west\"")
        .replace("weight_bits = [4, 8]", "weight_bits = [4, -8]")
        .replace("vdd_v = 1.0", "vdd_v = nan");
    let error = message(ChipSpec::from_toml(&text));
    let line = |of: &str| 1 + text[..text.find(of).unwrap_or_else(|| panic!("{of}"))].matches('\n').count();
    let expected = vec![
        (
            line("hops"),
            "unknown field `noc.hops`; expected one of `packet_flits`, `queue_flits`, `receive_flits`, \
          `inject_cycles`, `hop_cycles`, `hop_y_cycles`, `eject_cycles`, `credit_cycles`, `arbitration_order`",
        ),
        (line("[noc]"), "`noc.hop_cycles` is missing"),
        (line("queu_flits"), "unknown field `noc.queu_flits`; did you mean `queue_flits`?"),
        (line("[noc]"), "`noc.queue_flits` is missing"),
        (line("[mesh]"), "`mesh.width` is missing"),
        (line("table = "), "`core.soma.table` is \"yes\", expected true or false"),
        (line("buffers"), "`core.buffers` is 2.5, expected a whole number, 0 or more"),
        (line("overflow"), "`core.overflow` is \"clamp\", expected `wrap` or `saturate`"),
        (line("[[io]]"), "`io.0.side` is \"west\", expected one of `+x`, `-x`, `+y`, `-y`, `local`"),
        (line("weight_bits"), "`core.weight_bits.1` is integer `-8`, expected a whole number, 0 or more"),
        (line("vdd_v"), "`process.vdd_v` is NaN, expected a finite number"),
    ];

    let mut told: Vec<_> = error.lines().map(str::to_owned).collect();
    assert!(
        told.is_sorted_by_key(|line| line.split([' ', ':']).nth(1).unwrap().parse::<usize>().unwrap()),
        "{error}"
    );
    let mut expected: Vec<_> = expected.iter().map(|(line, what)| format!("line {line}: {what}")).collect();
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
}

#[test]
fn an_empty_file_is_told_every_field_that_a_chip_needs() {
    let error = message(ChipSpec::from_toml(""));
    for field in ["name", "process", "mesh", "core", "noc", "sync", "energy", "provenance"] {
        assert!(error.contains(&format!("`{field}` is missing")), "{error}");
    }
    for field in ["mesh.width", "mesh.height", "core.soma.table", "noc.hop_cycles", "energy.sop_pj"] {
        assert!(error.contains(&format!("`{field}` is missing")), "{error}");
    }
}

#[test]
fn what_is_no_toml_is_shown_where_it_stands() {
    let error = message(ChipSpec::from_toml(&tiny().replace("hop_cycles = 2", "hop_cycles = = 2")));
    assert!(error.contains("TOML parse error at line"), "{error}");
    assert!(error.contains("| hop_cycles = = 2\n"), "{error}");
    let error = message(ChipSpec::from_toml(&"#".repeat(MAX_FILE_BYTES + 1)));
    assert_eq!(error, "the file has 1048577 bytes, expected 1048576 or fewer");
}

/// `tiny` with other fields, as a file that extends it.
fn extending(text: &str) -> Result<ChipSpec, Error> {
    ChipSpec::from_toml(&format!("extends = \"tiny\"\nname = \"mine\"\n{text}"))
}

#[test]
fn a_file_that_extends_a_chip_has_its_own_fields_and_those_of_the_chip() {
    let base = ChipSpec::from_toml(tiny()).unwrap();
    let same = extending("").unwrap();
    assert_eq!((same.name.as_str(), same.source.as_str()), ("mine", "extends tiny: Made up"));
    assert_eq!(ChipSpec { name: base.name.clone(), source: base.source.clone(), ..same }, base);
    let text =
        "[noc]\nhop_cycles = 3\n[energy]\nsop_pj = 2.5\n[provenance]\n\"energy.sop_pj\" = \"Q: Table 6\"";
    let spec = extending(text).unwrap();
    assert_eq!((spec.noc.hop_cycles, spec.noc.queue_flits, spec.mesh.width), (3, 4, 4));
    let told = |field| spec.provenance(field).unwrap();
    assert_eq!(told("energy.sop_pj"), "Q: Table 6");
    assert_eq!(told("noc.hop_cycles"), "user: set in this file, which extends 'tiny'", "no source is stated");
    assert_eq!(told("noc.queue_flits"), "assumed: made up, for tests");
    let unchanged = extending("[noc]\nhop_cycles = 2").unwrap();
    assert_eq!(unchanged.provenance("noc.hop_cycles").unwrap(), "assumed: made up, for tests");
}

#[test]
fn a_file_that_extends_a_chip_can_take_fields_away_and_say_the_same_otherwise() {
    let limited =
        "extends = \"darwin3\"\nname = \"far\"\n[mesh]\nmax_hops_x = \"none\"\n[sync]\ntick_cycles = 7";
    let spec = ChipSpec::from_toml(limited).unwrap();
    assert_eq!((spec.mesh.max_hops_x, spec.mesh.max_hops_y), (None, Some(15)));
    assert_eq!((spec.sync.tick_us, spec.tick_cycles()), (None, 7));
    assert_eq!(
        spec.provenance("sync.tick_cycles").unwrap(),
        "user: set in this file, which extends 'darwin3'"
    );
    let loihi = ChipSpec::from_toml("extends = \"loihi:nahuku\"\nname = \"mine\"").unwrap();
    assert_eq!(
        (loihi.energy.packet_pj.to_string(), loihi.profile, loihi.profiles.len()),
        ("111".into(), None, 0)
    );
}

#[test]
fn what_cannot_be_extended_is_refused() {
    let error = message(ChipSpec::from_toml("extends = \"darwin4\""));
    assert!(
        error.starts_with("`extends` is \"darwin4\", expected one of the built-in chips `darwin3`, "),
        "{error}"
    );
    let error = message(ChipSpec::from_toml("extends = \"tiny\"\n[noc]\nhops = 2"));
    assert!(error.starts_with("`name` is missing\nline 3: unknown field `noc.hops`"), "{error}");
}

#[test]
fn a_copy_that_changes_a_number_and_not_its_source_is_the_users() {
    let (_, darwin3) = BUILT_IN.iter().find(|(name, _)| *name == "darwin3").unwrap();
    let copy =
        darwin3.replace("sop_pj = 5.47", "sop_pj = 1.2").replace("name = \"darwin3\"", "name = \"mine\"");
    let spec = ChipSpec::from_toml(&copy).unwrap();
    let told = "user: set in this file; the source beside it was that of 'darwin3'";
    assert_eq!(spec.provenance("energy.sop_pj").unwrap(), told);
    assert!(spec.provenance("energy.packet_pj").unwrap().starts_with("assumed: "));
    let cited = copy.replace("\"Q: measured average, 5.47 pJ/SOP\"", "\"Q: my own measurement\"");
    assert_eq!(
        ChipSpec::from_toml(&cited).unwrap().provenance("energy.sop_pj").unwrap(),
        "Q: my own measurement"
    );
    for (name, text) in BUILT_IN {
        let spec = ChipSpec::from_toml(text).unwrap();
        let fields = spec.fields();
        let by_user = fields
            .keys()
            .filter(|field| spec.entry(field).is_some_and(|(_, entry)| entry.stated().grade == Grade::User));
        assert_eq!(by_user.count(), 0, "{name}");
    }
}
