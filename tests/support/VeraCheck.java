import java.io.FileInputStream;
import java.io.InputStream;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/**
 * Holds files against profiles: {@code VeraCheck 2a,ua1 FILE...}.
 *
 * One line per broken rule: file, profile, clause and message, parted by tabs. Silent when all is well.
 * Many files share one Java start, which costs more than the checks.
 */
public class VeraCheck {
  public static void main(String[] arguments) throws Exception {
    VeraGreenfieldFoundryProvider.initialise();
    for (int i = 1; i < arguments.length; i++) {
      for (String profile : arguments[0].split(",")) {
        check(arguments[i], profile);
      }
    }
  }

  private static void check(String file, String profile) throws Exception {
    PDFAFlavour flavour = PDFAFlavour.byFlavourId(profile);
    try (InputStream bytes = new FileInputStream(file);
        PDFAParser parser = Foundries.defaultInstance().createParser(bytes, flavour);
        PDFAValidator validator = Foundries.defaultInstance().createValidator(flavour, false)) {
      ValidationResult result = validator.validate(parser);
      for (TestAssertion broken : result.getTestAssertions()) {
        System.out.printf(
            "%s\t%s\t%s\t%s%n", file, profile, broken.getRuleId().getClause(), broken.getMessage());
      }
      if (!result.isCompliant() && result.getTestAssertions().isEmpty()) {
        System.out.printf("%s\t%s\t\tnot compliant%n", file, profile);
      }
    }
  }
}
