import com.pixelmed.validate.DicomSRValidator;

/**
 * Checks SR documents against their templates with PixelMed's validator, which compiles its rules for half a minute:
 * one Java process for all files. Prints "FILE path" before the lines of each.
 */
public class ReportTemplates {
    public static void main(String[] files) throws Exception {
        DicomSRValidator validator = new DicomSRValidator();
        for (String file : files) {
            System.out.println("FILE " + file);
            System.out.println(validator.validate(file));
        }
    }
}
