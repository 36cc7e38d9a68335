use piquet_fss::dealer::Seed;

fn print(seed: &Seed) -> String {
    format!("{seed}")
}

fn main() {}
